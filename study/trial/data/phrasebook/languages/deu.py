"""German. Slots have the case that their templates ask for; dishes, devices and bills are feminine or neuter,
whose nominative and accusative are the same."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=650,
    slots={
        "opener": """
            Servus! | Nur ganz kurz. | Entschuldigung. | Hör mal. | Ich brauche Hilfe. | Eine Bitte.
        """,
        "closer": "Danke! | Vielen Dank. | Es ist dringend. | Das hat Zeit. | Das wäre nett. | Sag mir Bescheid.",
        "city": "London | Lyon | Kairo | Berlin | Oslo | Nairobi | Toronto | Madrid | Tiflis",
        "day": """
            morgen | am Donnerstag | am Montag | am Mittwoch | am Freitag | am Wochenende | nächsten Sonntag
            in zwei Tagen | an Heiligabend
        """,
        "time": """
            um 6:15 Uhr | um 7:30 Uhr | um zwölf Uhr mittags | um halb neun | um Viertel vor zehn | um 10:45 Uhr
            um Mitternacht | um 17 Uhr | um 21:20 Uhr
        """,
        "person": "Anna | Davut | Omar | Priya | Katrin | Greta | Lukas | Moritz | Jürgen",
        "dish": """
            eine Pilzpizza | eine Salamipizza | eine Thunfischpizza | eine Nudelsuppe | eine Linsensuppe
            eine Fischsuppe | ein Käsebrötchen | ein Schnitzel | ein Wurstbrötchen | eine Gemüsepfanne
        """,
        "artist": "Mozart | Adele | Miles Davis | Shakira | Bob Marley | Nena | Fairuz | Vivaldi | Coldplay",
        "genre": "Jazz | Hip-Hop | Volksmusik | Techno | Opernmusik | Blues | Reggae | Klaviermusik | Rockmusik",
        "vehicle.nom.dat": """
            der Zug / dem Zug | der Bus / dem Bus | die Fähre / der Fähre | der Nachtzug / dem Nachtzug
            das Flugzeug / dem Flugzeug | die Regionalbahn / der Regionalbahn | das Schiff / dem Schiff
            der Reisebus / dem Reisebus | die Straßenbahn / der Straßenbahn
        """,
        "room": """
            in der Küche | im Schlafzimmer | im Flur | in der Garage | im Wohnzimmer | im Bad | auf dem Balkon
            im Esszimmer | im Keller
        """,
        "device": """
            die Schreibtischlampe | die Stehlampe | die Nachttischlampe | das Heizgerät | das Deckenlicht
            die Wandlampe | die Kaffeemaschine | die Waschmaschine | das Nachtlicht
        """,
        "amount": """
            20 Euro | 50 Dollar | 100 Euro | 15 Franken | 300 Dollar | acht Euro | 75 Euro | 40 Franken | 90 Dollar
        """,
        "bill": """
            die Wasserrechnung | die Stromrechnung | die Telefonrechnung | die Zahnarztrechnung | die Miete
            die Vereinsgebühr | die Schulgebühr | das Bußgeld | die Autoversicherung
        """,
        "phrase": """
            gute Nacht | wo ist der Bahnhof | die Rechnung, bitte | mach das Licht aus | ich habe Durst
            wie viel kostet das | bis später | weck mich früh | es regnet gerade | ich liebe dich
            ruf einen Arzt | zum Wohl
        """,
        "tongue.auf.ins": """
            Französisch / Französische | Russisch / Russische | Arabisch / Arabische | Walisisch / Walisische
            Japanisch / Japanische | Griechisch / Griechische | Hindi / Hindi | Suaheli / Suaheli
            Baskisch / Baskische
        """,
        "hotel": """
            Hotel Astoria | Grand Plaza | Hotel Bellevue | Gästehaus Adler | Ritz | Seehotel | Hotel Kasbek
        """,
    },
    templates={
        "alarm": """
            [Weck mich|Weck uns|Hol mich aus dem Bett] {day} {time}[, bitte|].
            [Stell|Stelle bitte] [einen|noch einen|den] Wecker {day} {time}.
            [Lass mich|Wir dürfen] {day} nicht verschlafen, [weck uns {time}|der Wecker soll {time} klingeln].
            [Lösche|Stoppe] den [Wecker|Alarm|Weckruf] {time}[, ich will {day} ausschlafen|].
            Ich muss {time} [aufstehen|wach sein|aufwachen], {vehicle.nom} nach {city} fährt früh.
            Lass den [Wecker|Alarm] {room} {time} klingeln, damit {person} auch [aufsteht|aufwacht].
            Stell einen [Timer|Alarm] auf [zehn|zwanzig|vierzig] Minuten, ich koche {dish}.
            [Schalte|Stell] den [Alarm|Wecker] aus und [weck mich|erinnere mich] {time} noch einmal.
            Welche [Wecker|Erinnerungen|Weckzeiten] sind {day} [gestellt|aktiv]?
            [Verschiebe|Ändere] den [Weckruf|Wecker], er soll {day} erst {time} klingeln.
            [Erinnere mich|Stell eine Erinnerung], {day} {time} {person} anzurufen.
            Ich [will|möchte] {day} [ausschlafen|länger schlafen], [stell den Wecker|weck mich] erst {time}.
        """,
        "food_order": """
            [Bestell|Bring] mir {dish}[ für {person}|], [geliefert|Lieferung] {time}.
            [Ich hätte|Wir hätten] gern {dish} und {dish} [zum Essen|zum Mittagessen|zum Abendessen].
            [Könnt ihr|Können Sie] {dish} ins {hotel} [liefern|bringen]?
            [Reserviere|Bestell] {day} {time} einen Tisch [im Restaurant|zum Abendessen|zum Essen].
            Was steht {day} auf der [Speisekarte|Mittagskarte|Karte vom Restaurant][ außer {dish}|]?
            Wie lange dauert [die Lieferung|meine Bestellung|das Essen], wenn ich {dish} [bestelle|nehme]?
            Welches [Restaurant|Lokal] beim {hotel} [liefert|serviert] {dish}?
            [Wir haben|Die Kinder haben] [Hunger|großen Hunger]: [bestell|liefere] {dish}.
            {dish} bitte [ohne Zwiebeln|mit extra Soße|ohne Nüsse] in meine [Bestellung|Lieferung].
            Nimm noch {dish} in die [Bestellung|Essensbestellung] auf und buche {amount} ab.
            Was [können wir|kann ich] {day} [essen|bestellen]? {person} hat großen Hunger.
            [Wo bleibt|Wann kommt] [das Essen|die Lieferung|die Bestellung] für {person}?
        """,
        "hotel": """
            [Buche|Reserviere] ein [Einzelzimmer|Doppelzimmer|ruhiges Zimmer] in {city} {day}.
            Wir möchten {day} {time} im Hotel [einchecken|auschecken].
            Ist [das Frühstück|der Parkplatz|die Sauna] im {hotel} im [Zimmerpreis|Preis] enthalten?
            Was kostet [eine Nacht|ein Doppelzimmer|eine Übernachtung] im {hotel} {day}?
            Such [mir|uns] ein [günstiges|schönes] [Hotel|Zimmer] in {city} zum Übernachten.
            [Storniere|Ändere|Bestätige] meine [Reservierung|Buchung|Übernachtung] im {hotel}[ {day}|].
            In meinem [Hotelzimmer|Zimmer|Einzelzimmer] ist {device} [kaputt|defekt].
            Haben Sie {day} ein [Zimmer|Doppelbett] [für zwei Nächte|für zwei Gäste] frei?
            Wir kommen {time} mit {vehicle.dat} in {city} an, ist die [Rezeption|Hotelrezeption] dann besetzt?
            Kann {person} im {hotel} [eine Nacht|zwei Nächte] länger [bleiben|übernachten]?
            Die Gäste brauchen {day} {time} [Handtücher|den Zimmerschlüssel|ein Zustellbett].
            Unsere [Buchung|Reservierung] in {city} gilt für [zwei Nächte|zwei Gäste], [bestätige|ändere] sie {day}.
        """,
        "music": """
            [Spiel|Starte] [ein Lied|ein Album|etwas] von {artist} {room}.
            [Spiel|Starte] {room} [etwas|ein bisschen] {genre}[, {person} mag das|].
            Mach [die Musik|das Lied|das Radio] {room} [lauter|leiser][, {person} schläft|].
            [Überspring|Stopp] dieses [Lied|Album|Stück] und spiel {artist}.
            Ich [will|möchte] {artist} [hören|anhören], während ich {dish} mache.
            [Spiel|Starte] {time} meine [Playlist|Liste] mit {genre}.
            Wer [singt|spielt] dieses [Lied|Stück], ist das {artist}?
            [Füge|Setz] {artist} {day} zur [Playlist|Liste] für die Party hinzu.
            Such das [Lied|Stück] mit der Zeile „{phrase}“, ich will es [hören|anhören].
            Starte {time} [die Musik|das Radio|die Playlist] {room}[ mit {genre}|].
            [Wiederhole|Spiel noch einmal] das letzte [Lied|Album|Stück][ von {artist}|], {person} mag es.
            Welche [Band|Sängerin] [spielt|singt] {day} {genre} im Radio?
        """,
        "payment": """
            [Überweise|Schick|Sende] {person} {amount}[ {day}|].
            [Bezahle|Begleiche] {bill} [{day}|sofort|von meinem Konto|mit Karte].
            Wie viel [Geld|Guthaben] ist noch auf [der Karte|meinem Konto], wenn ich {bill} [bezahle|überweise]?
            Hat {person} mir die {amount} [überwiesen|bezahlt|geschickt]?
            [Überweise|Sende] {day} [das Geld|den Betrag] für {bill}.
            Ich schulde {person} {amount} für {dish}, [überweise|bezahle] das.
            Teile {bill} mit {person} und [bezahle|überweise] meine Hälfte.
            Zeig mir, wie viel Geld ich in {city} [ausgegeben|bezahlt|abgehoben] habe.
            Meine [Karte|Zahlung|Überweisung] über {amount} wurde in {city} [abgelehnt|gesperrt].
            Bitte {person} um [das Geld|{amount}|die Zahlung] für {bill}.
            Hat [die Bank|{person}] [das Geld|die Überweisung|die Zahlung] für {bill} [bekommen|erhalten]?
            [Heb|Buche] {day} {amount} von meinem [Konto|Sparkonto] ab.
        """,
        "smalltalk": """
            [Hallo|Hey|Grüß dich][ {person}|], wie geht es dir heute?
            Ich heiße {person}[ und komme aus {city}|], wie heißt du?
            [Magst|Liebst] du {genre}[ so sehr wie {person}|]?
            Erzähl mir [einen Witz|etwas Lustiges|ein Geheimnis] über {person}[ und {dish}|].
            Warst du [schon einmal|schon oft|jemals] in {city}[, mein Freund|, du Schlaumeier]?
            In {city} ist mir immer [langweilig|so langweilig], erzähl mir [einen Witz|eine Geschichte|etwas Lustiges].
            [Guten Tag|Guten Abend|Tschüss], mein Freund, wie geht es [dir|{person}]?
            Wer [bist du|ist dein Freund], {person}? Erzähl mir [deine Geschichte|dein Geheimnis].
            Was [magst|liebst] du am meisten [an {city}|an {person}]?
            [Sprichst|Träumst] du [manchmal|gern] auf {tongue.auf}, mein [Freund|lieber Freund]?
            Du bist so [lustig|klug|nett], {person} [mag|liebt] dich auch.
            Bist du [glücklich|müde|klug], {person}? Was machst du {day}?
        """,
        "smart_home": """
            Schalte [bitte|sofort|jetzt] {device} {room} [ein|an|aus].
            Stell die [Heizung|Temperatur] {room} {day} auf [neunzehn|einundzwanzig] Grad.
            Ist {device} {room} noch [an|eingeschaltet|eingesteckt]?
            [Dimme|Lösche] {time} [das Licht|die Lampen|alle Lichter] {room}.
            Mach die [Rollläden|Fenster|Vorhänge] {room} [auf|zu][, wenn es heiß wird|].
            [Schließ|Sperr] {time} die [Haustür|Fenster|Hintertür] ab und mach alle Lichter aus.
            {room} ist es zu [dunkel|kalt|hell], schalte die [Lampen|Heizung] [ein|aus].
            {device} {room} soll sich {day} {time} [einschalten|ausschalten].
            Dreh die [Heizung|Temperatur] {room} [auf|herunter], bevor {person} [kommt|aufwacht].
            [Sieh nach|Sag mir], ob {room} die [Fenster|Rollläden] [offen|geschlossen] sind.
            Hat {person} {room} die [Tür|Fenster|Vorhänge] [geschlossen|abgesperrt]?
            Schalte die [Heizung|Lampen|Lichter] aus, wenn ich {day} nach {city} fahre.
        """,
        "transport": """
            Wann fährt {vehicle.nom} [{day}|morgens|abends] nach {city}[ ab|]?
            [Buche|Kauf] mir {day} [einen Platz|eine Fahrkarte|ein Ticket] nach {city} mit {vehicle.dat}.
            Wie [komme|fahre|reise] ich mit {vehicle.dat} von {city} nach {city}?
            Was kostet [ein Ticket|eine Fahrkarte|die Hin- und Rückfahrt] nach {city} {day}?
            Ist {vehicle.nom} aus {city} {time} [pünktlich|verspätet|ausgefallen]?
            [Bestell|Ruf] {time} ein Taxi [zum Flughafen|zum {hotel}|zur Haltestelle].
            [Von welchem Gleis|Von welcher Haltestelle|Von wo] fährt {vehicle.nom} nach {city} ab?
            Ich muss {day} {time} in {city} sein, was ist die schnellste [Verbindung|Route|Fahrt]?
            [Gibt es|Findest du] direkte [Verbindungen|Fahrten|Züge] nach {city} {day}[, mit {vehicle.dat}|]?
            An welcher Haltestelle [steige ich|steigen {person} und ich] nach {city} um?
            Wie lange dauert die [Fahrt|Reise|Strecke] von {city} nach {city}[ mit {vehicle.dat}|]?
            Plane {day} eine [Fahrt|Reise|Route] nach {city}, [Abfahrt|Ankunft] {time}.
        """,
        "translation": """
            [Wie sagt man|Was heißt|Wie schreibt man] [„{phrase}“|{phrase}] auf {tongue.auf}?
            Übersetze [„{phrase}“|{phrase}] ins {tongue.ins}[ für {person}|].
            Was bedeutet [das Wort|der Satz|der Ausdruck] „{phrase}“[ auf {tongue.auf}|]?
            Was ist das [Wort|richtige Wort] für {device} auf {tongue.auf}?
            Ich brauche {day} [eine Übersetzung von|den Satz] „{phrase}“ auf {tongue.auf}.
            Kannst du „{phrase}“ in [einfaches|gutes] {tongue.auf} [übersetzen|übertragen]?
            Wie [sagt|schreibt|bestellt] man {dish} auf {tongue.auf}?
            [Lies|Sprich] den [Satz|Ausdruck] „{phrase}“ auf {tongue.auf} vor, damit {person} ihn versteht.
            Ist „{phrase}“ auf {tongue.auf} [ein richtiger Satz|das richtige Wort|höflich]?
            Mein {tongue.auf} ist [schlecht|eingerostet]: wie [sage|übersetze|schreibe] ich „{phrase}“?
            {person} [spricht|versteht] nur {tongue.auf}, [übersetze|sag|schreib] „{phrase}“.
            Aus welcher Sprache ist [das Wort|der Satz] „{phrase}“, heißt es auf {tongue.auf} auch so?
        """,
        "weather": """
            Wie wird [das Wetter|die Temperatur|der Himmel] {day}[ in {city}|]?
            [Regnet|Schneit|Stürmt] es {day} in {city}?
            Brauche ich {day} in {city} [einen Regenschirm|einen warmen Mantel|eine Sonnenbrille]?
            Wie [heiß|kalt|warm|windig] wird es {day} {time}?
            [Zeig|Gib|Lies] mir [die Wettervorhersage|den Wetterbericht|das Wetter] für {city}[ {day}|].
            Prüfe, ob {day} [Regen|Wind|Schnee|Sonnenschein] [erwartet wird|vorhergesagt ist].
            Können wir {day} {time} draußen essen oder wird es [regnen|zu kalt|windig]?
            Wie hoch ist die Temperatur in {city} [jetzt|{time}]?
            {person} fragt, ob in {city} [die Sonne scheint|Schnee liegt|schlechtes Wetter ist].
            Wir fahren {day} mit {vehicle.dat} nach {city}, gibt es [Schnee|Sturm|schlechtes Wetter|Regen]?
            Wie viele [Grad|Sonnenstunden|Zentimeter Schnee] werden {day} in {city} erwartet?
            {room} ist es so [heiß|kalt|windig], wird es {day} draußen [sonnig|warm|kalt]?
        """,
    },
)
