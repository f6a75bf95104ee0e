"""Basque, low-resource here. Cities, people, artists and hotels have the cases that templates name."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=48,
    slots={
        "opener": "Kaixo! | Galdera bat. | Barkatu. | Entzun. | Laguntza behar dut. | Mesede bat.",
        "closer": """
            Eskerrik asko! | Mila esker. | Presazkoa da. | Ez dago presarik. | Eskertuko dizut. | Gero esan.
        """,
        "city.in.to.from": """
            Londresen / Londresera / Londrestik | Lyonen / Lyonera / Lyondik | Kairon / Kairora / Kairotik
            Berlinen / Berlinera / Berlindik | Oslon / Oslora / Oslotik | Nairobin / Nairobira / Nairobitik
            Toronton / Torontora / Torontotik | Bilbon / Bilbora / Bilbotik
            Donostian / Donostiara / Donostiatik
        """,
        "day": """
            bihar | ostegunean | astelehenean | asteazkenean | ostiralean | asteburu honetan
            datorren igandean | bi egun barru | Eguberri egunean
        """,
        "time": """
            6:15ean | 7:30ean | eguerdian | zortzi eta erdietan | bederatziak laurden gutxitan | 10:45ean
            gauerdian | bostetan | 21:20an
        """,
        "person.abs.erg.dat.ben": """
            Ane / Anek / Aneri / Anerentzat | Mikel / Mikelek / Mikeli / Mikelentzat
            Omar / Omarrek / Omarri / Omarrentzat | Amaia / Amaiak / Amaiari / Amaiarentzat
            Jon / Jonek / Joni / Jonentzat | Nerea / Nereak / Nereari / Nerearentzat
            Luzia / Luziak / Luziari / Luziarentzat | Iker / Ikerrek / Ikerri / Ikerrentzat
            Mehmet / Mehmetek / Mehmeti / Mehmetentzat
        """,
        "dish": """
            perretxiko pizza bat | atun pizza bat | barazki zopa bat | arrain zopa bat | dilista zopa bat
            gazta ogitarteko bat | urdaiazpiko ogitarteko bat | entsalada berde bat | oilasko entsalada bat
        """,
        "artist.abs.gen": """
            Mozart / Mozarten | Adele / Adeleren | Benito Lertxundi / Benito Lertxundiren
            Shakira / Shakiraren | Bob Marley / Bob Marleyren | Fairuz / Fairuzen | Vivaldi / Vivaldiren
            Coldplay / Coldplayren | Ken Zazpi / Ken Zazpiren
        """,
        "genre": "jazz | hip hop | folk | techno | opera | blues | reggae | soul | rock",
        "vehicle.abs.ins": """
            trena / trenez | autobusa / autobusez | ferrya / ferryz | hegazkina / hegazkinez
            tranbia / tranbiaz | metroa / metroz | itsasontzia / itsasontziz | furgoneta / furgonetaz
        """,
        "room": """
            sukaldean | logelan | korridorean | garajean | egongelan | bainugelan | balkoian | jangelan | sotoan
        """,
        "device": """
            mahaiko lanpara | sabaiko lanpara | hormako argia | gaueko argia | gas berogailua | haizagailua
            kafe makina | garbigailua | telebista
        """,
        "amount": """
            20 euro | 50 dolar | 100 euro | 15 libera | 300 dolar | zortzi euro | 75 euro | 40 dolar | 90 libera
        """,
        "bill": """
            uraren faktura | argiaren faktura | telefonoaren faktura | dentistaren faktura | etxeko alokairua
            gimnasioko kuota | eskolako kuota | trafiko isuna | autoaren asegurua
        """,
        "phrase": """
            gabon | non dago geltokia | kontua, mesedez | itzali argia | gose naiz | garestiegia da
            gero arte | esnatu nazazu goiz | euria ari du | maite zaitut | deitu medikuari | topa
        """,
        "tongue.ins.all": """
            frantsesez / frantsesera | errusieraz / errusierara | arabieraz / arabierara | galesez / galesera
            japonieraz / japonierara | grezieraz / grezierara | hindieraz / hindierara
            turkieraz / turkierara | alemanez / alemanera
        """,
        "hotel.in.to": """
            Astoria hotelean / Astoria hotelera | Plaza hotelean / Plaza hotelera
            Itsaso hotelean / Itsaso hotelera | Parke hotelean / Parke hotelera
            Ritz hotelean / Ritz hotelera | Mendi hotelean / Mendi hotelera
        """,
    },
    templates={
        "alarm": """
            [Esna nazazu|Esna gaitzazu|Jaikiarazi nazazu] {day} {time}[, mesedez|].
            [Jarri|Gehitu|Programatu] [iratzargailua|alarma|beste alarma bat] {day} {time} jotzeko.
            {day} ez dut lo geratu nahi, [esna nazazu|jo dezala alarmak] {time}.
            [Ezabatu|Itzali|Gelditu] {day} {time} jotzen duen [alarma|iratzargailua].
            {time} [jaiki|esnatu] behar dut, {city.to} doan {vehicle.abs} goiz ateratzen da.
            Jo dezala [alarmak|iratzargailuak] {room} {time}, {person.abs} ere [jaiki|esnatu] dadin.
            Jarri [alarma|tenporizadorea] [hamar|hogei|berrogei] minutu barru, {dish} prestatzen ari naiz.
            [Gelditu|Isildu] [alarma|iratzargailua] eta [esna nazazu|abisatu] berriro {time}.
            Zein [alarma|abisu] daude [jarrita|prest] {day}?
            [Gogorarazi iezadazu|Jarri alarma] {day} {time} [{person.dat} deitzeko|{bill} ordaintzeko].
            Berandu arte lo egin nahi dut {day}, [jarri alarma|esna nazazu] {time}.
            [Aldatu|Atzeratu] [alarma|iratzargailua], {day} {time} jo dezan.
        """,
        "food_order": """
            [Eskatu|Ekarri] {dish} {person.ben} [afaltzeko|bazkaltzeko].
            {dish} eta {dish} [jan|eskatu] nahi [ditut|ditugu].
            [Ekar|Bidal] dezakezue {dish} {hotel.to}[ {day}|], [afaltzeko|bazkaltzeko]?
            [Erreserbatu|Eskatu] mahai bat [jatetxean|afaltzeko|bazkaltzeko] {day} {time}.
            Zer dago [jatetxeko menuan|bazkaltzeko|afaltzeko] {day}[, {dish} ez bada|]?
            Zenbat denbora beharko du [eskaerak|janariak] {dish} eskatzen badut?
            Bilatu {dish} [zerbitzatzen|prestatzen] duen jatetxe bat {hotel.in}.
            [Gose gara|Umeak gose dira]: [eskatu|ekarri] {dish} [jateko|afaltzeko].
            Jarri {dish} [tipularik gabe|gatzik gabe|saltsarekin] nire [eskaeran|janari eskaeran].
            Zer [jan|eskatu] dezakegu {day}? {person.erg} {dish} [jan|eskatu] nahi du.
            [Non dago|Noiz iritsiko da] {person.ben} eskatutako [janaria|afaria|bazkaria]?
            Gehitu {dish} nire [janari eskaerara|eskaerara] eta kobratu {amount}.
        """,
        "hotel": """
            [Erreserbatu|Bilatu] [banako gela|gela bikoitz|gela lasai] bat {city.in} {day}.
            [Hotelera iritsi|Hoteletik atera|Hotelean sartu] nahi dugu {day} {time}.
            [Gosaria|Aparkalekua] gelaren prezioan sartzen da {hotel.in}?
            Zenbat balio du [gau batek|gela batek] {hotel.in} {day}?
            Bilatu [hotel merke|hotel polit|gela eroso] bat {city.in} lo egiteko.
            [Ezeztatu|Aldatu|Baieztatu] {day} {hotel.in} dudan [erreserba|gela].
            Hoteleko nire gelan {device} [hondatuta dago|ez dabil].
            Ba al duzue [gela|ohe bikoitz] bat libre {day} [bi gauetarako|bi lagunentzat]?
            {city.to} {vehicle.ins} iritsiko gara {time}, irekita egongo da hoteleko harrera?
            {person.abs} [gau bat|bi gau] gehiago [gera|egon] daiteke {hotel.in}?
            Hoteleko gonbidatuek [eskuoihalak|gelako giltzak|burukoak] behar dituzte {day} {time}.
            {city.in} [bi gauetarako|bi lagunentzat] dugu erreserba, [baieztatu|aldatu] {day}.
        """,
        "music": """
            [Jarri|Jo|Ipini] {artist.gen} [abesti bat|disko bat|musika] {room}.
            [Jarri|Ipini] {genre} musika pixka bat {room}.
            [Igo|Jaitsi] [musikaren|abestiaren|irratiaren] bolumena {room}[, {person.abs} lo dago|].
            [Pasatu|Gelditu] abesti hau eta [jarri|ipini] {artist.gen} musika.
            {artist.gen} [musika|abesti bat|disko bat] entzun nahi dut {dish} prestatu bitartean.
            [Jarri|Nahasi] nire {genre} [zerrenda|abestien zerrenda] {time}.
            Nork [abesten|jotzen] du abesti hau, {artist.abs} al da?
            [Gehitu|Gorde] {artist.gen} abestiak [festarako|bidaiarako] zerrendan {day}.
            Bilatu “{phrase}” dioen abestia, [entzun|jarri] nahi dut.
            Piztu [musika|irratia] {room} {time}[, {genre} jarrita|].
            Errepikatu {artist.gen} azken [abestia|diskoa], {person.dat} gustatzen zaio.
            Zein taldek [joko|abestuko] du {genre} irratian {day}?
        """,
        "payment": """
            [Bidali|Eman|Transferitu] {amount} {person.dat}[ {day}|].
            Ordaindu {bill} [{day}|oraintxe|nire kontutik|txartelarekin].
            Zenbat diru geratuko da nire [kontuan|txartelean] {bill} ordaindu ondoren?
            [Bidali|Ordaindu|Eman] al dizkit {person.erg} {amount}?
            [Bidali|Transferitu] {bill} ordaintzeko dirua {day}.
            {person.dat} {amount} zor dizkiot, [ordaindu|bidali] dirua {day}.
            Banatu {bill} bion artean eta [ordaindu|bidali] nire erdia, {person.erg} bestea emango du.
            Erakutsi zenbat diru [gastatu|ordaindu|atera] dudan {city.in}.
            Nire [txartela|ordainketa] blokeatu zuten {city.in}, {amount} [ordaintzean|bidaltzean].
            Eskatu {person.dat} [{amount}|dirua] {bill} ordaintzeko.
            Jaso al du [bankuak|{person.erg}] {bill} ordaintzeko [dirua|transferentzia]?
            Atera {amount} nire [kontutik|bankutik|txarteletik] {day}.
        """,
        "smalltalk": """
            [Kaixo|Egun on|Arratsalde on] {person.abs}, zer moduz [zaude|zabiltza] gaur?
            Ni {person.abs} naiz[ eta {city.from} nator|], zein da zure izena?
            Gustatzen al zaizu {genre} musika[, {person.dat} bezala|], laguna?
            Kontatu [txiste bat|sekretu bat|istorio barregarri bat] {person.dat} eta niri.
            Izan al zara inoiz {city.in}, [laguna|lagun maitea]?
            Aspertuta nago {city.in}, kontatu [txiste bat|istorio bat].
            [Egun on|Arratsalde on|Agur], laguna, zer moduz dago {person.abs}?
            Nor [zara zu|da zure laguna], {person.abs}? Kontatu zure [istorioa|sekretua].
            Zer gustatzen zaizu gehien {city.in}, [laguna|lagun maitea]?
            [Hitz egiten|Amets egiten|Abesten] al duzu {tongue.ins}, laguna?
            Oso [barregarria|azkarra|jatorra] zara, {person.dat} ere gustatzen zatzaizkio.
            [Pozik|Triste|Nekatuta] al zaude, laguna? Zer egingo duzu {day}?
        """,
        "smart_home": """
            [Piztu|Itzali] {device} {room}.
            Jarri [berogailua|tenperatura] {room} [hemeretzi|hogei] gradutan {day}.
            [Piztuta|Itzalita|Martxan] al dago oraindik {device} {room}?
            [Piztu|Itzali|Apaldu] argi guztiak {room} {time}.
            [Ireki|Itxi|Igo|Jaitsi] [pertsianak|gortinak] {room}[, bero egiten duenean|].
            [Itxi|Ireki] [etxeko atea|lorategiko atea] {time} eta itzali argi guztiak.
            [Oso ilun|Oso hotz] dago {room}, piztu [argi guztiak|berogailua].
            {device} {room} [piztu|itzali] dadila {day} {time}.
            [Igo|Jaitsi] tenperatura {room}, {person.abs} [iritsi|esnatu] baino lehen.
            Begiratu ea [leihoak|ateak|pertsianak] [itxita|irekita] dauden {room}.
            [Itxi|Ireki] al du {person.erg} [atea|leihoa] {room}?
            Itzali [argi guztiak|berogailua] etxean {city.to} noanean {day}.
        """,
        "transport": """
            Noiz [ateratzen|abiatzen] da {city.to} doan {vehicle.abs} {day}?
            [Erreserbatu|Erosi] {city.to} joateko [billete bat|eserleku bat] {day}, {vehicle.ins} noa.
            Nola [joan|bidaiatu] behar dut {city.from} {city.to} {vehicle.ins}?
            Zenbat balio du {city.to} joateko [billeteak|joan-etorriko billeteak] {day}?
            {city.from} datorren {vehicle.abs} [berandu|garaiz] iritsiko da {time}?
            [Eskatu|Deitu] taxi bat [aireportura|{hotel.to}|geltokira] joateko {time}.
            Zein [nasatik|geltokitik] ateratzen da {city.to} doan {vehicle.abs}?
            {day} {time} {city.in} egon behar dut, zein da [biderik|ibilbiderik] azkarrena?
            Ba al dago zuzeneko [bidaiarik|ibilbiderik] {city.to} {day}?
            Zenbat irauten du {city.from} {city.to} [bidaiak|ibilbideak][ {vehicle.ins}|]?
            Non aldatu behar [dut|du {person.erg}] {city.to} joateko [bidean|bidaian]?
            Antolatu {city.to} joateko [bidaia|ibilbidea], [irteera|iritsiera] {time}.
        """,
        "translation": """
            Nola [esaten|idazten] da [“{phrase}”|{phrase}] {tongue.ins}?
            Itzuli [“{phrase}”|{phrase}] {tongue.all}[ {person.ben}|].
            Zer esan nahi du “{phrase}” [hitzak|esaldiak][ {tongue.ins}|]?
            Nola [idazten|esaten|ahoskatzen] da {device} {tongue.ins}?
            “{phrase}” [esaldiaren|hitzaren] itzulpena behar dut {tongue.ins} {day}.
            [Itzul|Idatz|Esan] dezakezu “{phrase}” {tongue.ins} [modu errazean|ondo]?
            Nola [esaten|eskatzen] da {dish} {tongue.ins}?
            Irakurri “{phrase}” [esaldia|hitza] {tongue.ins}, {person.erg} uler dezan.
            “{phrase}” [esaldi zuzena|hitz zuzena] al da {tongue.ins}?
            Ez dut ondo hitz egiten {tongue.ins}: nola [esaten|itzultzen|ahoskatzen] da {phrase}?
            {person.erg} {tongue.ins} bakarrik [ulertzen|hitz egiten] du, [itzuli|esan|idatzi] “{phrase}”.
            Zein hizkuntzatan dago “{phrase}” [hitza|esaldia], eta nola esaten da {tongue.ins}?
        """,
        "weather": """
            Zer eguraldi [egingo du|izango da] {city.in} {day}?
            [Euria|Elurra|Eguzkia|Haizea] egingo du {city.in} {day}?
            [Aterkia|Berokia|Txanoa] behar al dut {city.in} {day}, [euria|elurra] egingo du?
            Zenbateko [beroa|hotza|haizea] egingo du {day} {time}?
            [Erakutsi|Esan] zer eguraldi iragarri duten {city.in}[ {day}|].
            Begiratu ea [euria|elurra|haizea] iragarri duten {day}.
            Kanpoan afaldu dezakegu {day} {time}, ala [euria|haizea|hotza] egingo du?
            Zer tenperatura dago {city.in} [orain|{time}]?
            {person.erg} galdetu du ea [euria|elurra|eguzkia] egiten duen {city.in}.
            {city.to} goaz {vehicle.ins} {day}, [elurra|euria|eguraldi txarra] egingo du?
            [Bero|Hotz] handia dago {room}, [euria|elurra|eguzkia] egingo du kanpoan {day}?
            Zenbat [gradu|eguzki ordu] izango dira {city.in} {day}?
        """,
    },
)
