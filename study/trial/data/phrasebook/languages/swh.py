"""Swahili, low-resource here. Vehicles, devices and bills are of noun class 9, so that verbs and links agree."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=64,
    slots={
        "opener": "Habari! | Swali moja. | Samahani. | Hebu sikia. | Nahitaji msaada. | Nina ombi.",
        "closer": "Asante! | Asante sana. | Ni haraka. | Hakuna haraka. | Nitashukuru. | Nijulishe.",
        "city": "London | Nairobi | Kairo | Berlin | Mombasa | Oslo | Madrid | Dodoma | Kampala",
        "day": """
            kesho | Alhamisi | Jumatatu | Jumatano | Ijumaa | wikendi hii | Jumapili ijayo
            baada ya siku mbili | siku ya Krismasi
        """,
        "time": """
            saa kumi na mbili asubuhi | saa moja na nusu | saa sita mchana | saa mbili na nusu
            saa tatu kasorobo | saa nne na robo | saa sita usiku | saa kumi na moja jioni | saa nne usiku
        """,
        "person": "Amina | Juma | Zawadi | Baraka | Neema | Hamisi | Rehema | Daudi | Salim",
        "dish": """
            wali na maharage | wali na samaki | ugali na nyama | ugali na mboga | chapati na mchuzi
            supu ya kuku | supu ya dengu | pilau | chipsi mayai
        """,
        "artist": """
            Mozart | Adele | Bi Kidude | Shakira | Bob Marley | Diamond Platnumz | Fairuz | Remmy Ongala
            Coldplay
        """,
        "genre": "jazi | hip hop | taarabu | bongo fleva | blues | rege | singeli | rock | injili",
        "vehicle": "treni | feri | daladala | ndege | meli | boti | mashua",
        "room": """
            jikoni | chumbani | sebuleni | bafuni | kwenye gereji | kwenye roshani | ukumbini | kwenye baraza
            kwenye stoo
        """,
        "device": """
            taa ya meza | taa ya dari | taa ya ukutani | feni ya meza | feni ya dari | hita ya maji
            hita ya gesi | mashine ya kahawa | mashine ya kufulia
        """,
        "amount": """
            shilingi 500 | dola 50 | euro 100 | shilingi 800 | dola 300 | euro nane | euro 75
            shilingi elfu mbili | dola 40
        """,
        "bill": """
            bili ya maji | bili ya umeme | bili ya simu | bili ya daktari | kodi ya nyumba | ada ya shule
            ada ya mazoezi | faini ya gari | bima ya gari
        """,
        "phrase": """
            usiku mwema | kituo kiko wapi | naomba bili | subiri kidogo | nina njaa sana | hii ni shilingi ngapi
            tutaonana baadaye | niamshe mapema | mvua inanyesha | ninakupenda | mwite daktari | afya njema
        """,
        "tongue": """
            Kifaransa | Kirusi | Kiarabu | Kijapani | Kigiriki | Kihindi | Kijerumani | Kituruki | Kihispania
        """,
        "hotel": """
            hoteli ya Astoria | hoteli ya Plaza | hoteli ya Bahari | hoteli ya Kilima | hoteli ya Serena
            hoteli ya Ziwa
        """,
    },
    templates={
        "alarm": """
            [Niamshe|Tuamshe|Tafadhali niamshe] {day} {time}.
            [Weka|Ongeza] kengele [ya kuniamsha|nyingine|ya sauti kubwa] {day} {time}.
            Nisilale kupita kiasi {day}, [niamshe|piga kengele] {time}.
            [Futa|Zima|Ghairi] kengele ya {time}[ {day}|].
            Lazima niamke {time}, {vehicle} ya {city} inaondoka mapema.
            Piga kengele {room} {time} ili {person} pia [aamke|asichelewe kuamka].
            Weka kengele baada ya dakika [kumi|ishirini|arobaini], napika {dish}.
            [Nyamazisha|Zima] kengele na [uniamshe|unikumbushe] tena {time}.
            Kengele [gani|zipi] [zimewekwa|zitalia] {day}?
            [Nikumbushe|Weka kengele ya kunikumbusha] {day} {time} [kumpigia {person} simu|kulipa {bill}].
            Nataka kulala hadi {time} {day}, [weka kengele|usiniamshe mapema].
            [Badilisha|Sogeza] kengele ya {time} iwe {time} {day}.
        """,
        "food_order": """
            [Agiza|Niletee] {dish} kwa ajili ya [{person}|chakula cha jioni|chakula cha mchana].
            [Ningependa|Tungependa] [kula|kuagiza] {dish} na {dish}.
            Je, mnaweza [kuleta|kupeleka] chakula cha {dish} katika {hotel}[ {day}|]?
            [Agiza|Weka nafasi ya] meza [mgahawani|ya chakula cha jioni] {day} {time}.
            Kuna chakula gani [mgahawani|kwenye menyu] {day}[ zaidi ya {dish}|]?
            Oda yangu ya {dish} itachukua muda gani [kufika|kuandaliwa]?
            Tafuta mgahawa karibu na {hotel} [unaouza|unaopika] {dish}.
            [Tuna|Watoto wana] njaa: [agiza|leta] {dish} kabla ya {time}.
            Weka {dish} [bila vitunguu|bila chumvi|na pilipili] kwenye oda yangu ya [chakula|mgahawani].
            Tunaweza [kula|kuagiza] nini {day}? {person} ana njaa na anataka {dish}.
            Chakula cha {person} [kiko wapi|kitafika lini|kinachelewa kwa nini]?
            Ongeza {dish} kwenye [oda yangu|chakula changu] na ukate {amount}.
        """,
        "hotel": """
            [Hifadhi|Tafuta] chumba cha [mtu mmoja|watu wawili] huko {city} {day}.
            Tungependa [kuingia|kutoka] hotelini {day} {time}.
            Je, bei ya chumba katika {hotel} ni pamoja na [kifungua kinywa|maegesho]?
            Bei ya [usiku mmoja|chumba] katika {hotel} {day} ni kiasi gani?
            Tutafutie [hoteli nzuri|hoteli ya bei nafuu|chumba kizuri] huko {city} ili tulale.
            [Ghairi|Badilisha|Thibitisha] nafasi yangu ya chumba katika {hotel}[ {day}|].
            Katika chumba changu cha hoteli, {device} [imeharibika|haifanyi kazi].
            Je, mna [chumba|kitanda kikubwa] {day} kwa [usiku mmoja|wageni wawili]?
            Tutafika {city} kwa {vehicle} {time}, je, mapokezi ya hoteli yatakuwa wazi?
            Je, {person} anaweza [kulala|kukaa] [usiku mmoja|siku mbili] zaidi katika {hotel}?
            Wageni wanahitaji [taulo|ufunguo wa chumba|mito] {day} {time}.
            Nafasi yetu huko {city} ni ya [usiku mmoja|wageni wawili], [ithibitishe|ibadilishe] {day}.
        """,
        "music": """
            [Piga|Cheza|Weka] [wimbo|muziki] wa {artist} {room}.
            [Weka|Cheza] muziki wa {genre} {room}.
            [Ongeza|Punguza] sauti ya [muziki|wimbo|redio] {room}[, {person} amelala|].
            [Ruka|Simamisha] wimbo huu na [uweke|ucheze] {artist}.
            Nataka kusikiliza [nyimbo za|muziki wa] {artist} nikipika {dish}.
            [Cheza|Changanya] orodha yangu ya nyimbo za {genre} {time}.
            Nani [anaimba|aliimba] wimbo huu, ni {artist}?
            [Ongeza|Hifadhi] nyimbo za {artist} kwenye orodha ya [sherehe|safari] {day}.
            Tafuta wimbo wenye maneno “{phrase}”, nataka [kuusikiliza|kuusikia].
            [Washa|Anzisha] [muziki|redio] {room} {time}[ na uweke {genre}|].
            Rudia wimbo wa mwisho[ wa {artist}|], {person} [anaupenda|anataka kuusikia].
            Bendi gani [itacheza|itaimba] {genre} redioni {day}?
        """,
        "payment": """
            [Tuma|Peleka] {amount} kwa {person}[ {day}|].
            Lipa {bill} [{day}|sasa hivi|kutoka kwenye akaunti yangu|kwa kadi].
            Nitabaki na pesa ngapi kwenye [akaunti|kadi] nikilipa {bill}?
            Je, {person} [alinitumia|amenilipa|amenitumia] {amount}?
            [Tuma|Hamisha] pesa za kulipa {bill} {day}.
            Ninadaiwa {amount} na {person} kwa ajili ya {dish}, [lipa|tuma pesa].
            Gawanya {bill} na {person} kisha [ulipe|utume] nusu yangu.
            Nionyeshe ni pesa ngapi [nilitumia|nililipa|nilitoa] huko {city}.
            Kadi yangu [ilikataliwa|ilizuiwa] huko {city} [nilipolipa|nilipotuma] {amount}.
            Mwombe {person} [atume|alipe] {amount} kwa ajili ya {bill}.
            Je, benki imepokea [malipo ya {bill}|{amount} za {person}]?
            Toa {amount} kutoka kwenye [benki|akaunti|kadi] yangu {day}.
        """,
        "smalltalk": """
            [Habari|Hujambo|Mambo] {person}, [u hali gani|unaendeleaje] leo?
            Jina langu ni {person}[ na ninatoka {city}|], wewe unaitwa nani?
            Je, unapenda {genre} [kama {person}|sana], rafiki?
            Niambie [kichekesho|siri|hadithi] kuhusu {person}[ na {dish}|].
            Je, umewahi [kwenda|kuota kuhusu] {city}, rafiki yangu?
            Nimechoka sana hapa {city}, niambie [kichekesho|hadithi].
            [Hujambo|Kwaheri|Karibu], rafiki yangu, {person} [hajambo|anaendeleaje]?
            Wewe ni [nani|rafiki wa nani], {person}? Niambie [hadithi|siri] yako.
            Unapenda nini zaidi kuhusu {city}, rafiki [yangu|mpendwa]?
            Je, [unazungumza|unaota kwa] {tongue}, rafiki [yangu|mpendwa]?
            Wewe ni [mcheshi|mwerevu|mwema] sana, {person} pia anakupenda.
            Je, [umefurahi|umechoka|una huzuni], rafiki? Utafanya nini {day}?
        """,
        "smart_home": """
            [Washa|Zima] {device} {room}.
            Weka [joto|kipimo cha joto] {room} kuwa nyuzi [kumi na tisa|ishirini] {day}.
            Je, {device} {room} bado [imewashwa|inafanya kazi]?
            [Punguza mwanga wa|Zima|Washa] taa zote {room} {time}.
            [Funga|Fungua] [mapazia|madirisha] {room}[ jua likiwa kali|].
            [Funga|Fungua] mlango wa [mbele|nyuma] {time} na uzime taa zote.
            Kuna [giza|baridi] sana {room}, washa [taa zote|kipasha joto].
            Hakikisha {device} {room} [inawaka|inazimika] {day} {time}.
            [Ongeza|Punguza] joto {room} kabla {person} [hajafika|hajaamka].
            Angalia kama madirisha {room} [yamefungwa|yako wazi][, {person} ametoka|].
            Je, {person} [amefunga|amefungua] [mlango|dirisha] {room}?
            [Zima|Punguza] [taa zote|joto] nyumbani nikisafiri kwenda {city} {day}.
        """,
        "transport": """
            {vehicle} ya kwenda {city} [inaondoka|inafika] saa ngapi {day}?
            [Nikatie|Ninunulie] tiketi ya {vehicle} ya kwenda {city} {day}.
            Nitafikaje {city} kutoka {city} kwa {vehicle}?
            Tiketi ya [kwenda|kwenda na kurudi] {city} {day} ni bei gani?
            Je, {vehicle} ya {time} kutoka {city} [imechelewa|iko kwa wakati|imeahirishwa]?
            [Niitie|Agiza] teksi ya kwenda [bandarini|katika {hotel}|kituoni] {time}.
            {vehicle} ya kwenda {city} inaondokea [kituo gani|jukwaa gani]?
            Lazima [nifike|niende] {city} {day} {time}, njia ipi ni ya haraka zaidi?
            Je, kuna safari [za moja kwa moja|bila kubadilisha] kwenda {city} {day}?
            Safari ya kutoka {city} kwenda {city} [inachukua muda gani|ni ndefu kiasi gani][ kwa {vehicle}|]?
            Nibadilishe {vehicle} [kituo gani|wapi] nikienda {city}?
            Panga safari ya {city} [itakayoanza|itakayofika] {time}.
        """,
        "translation": """
            [Unasemaje|Unaandikaje] [“{phrase}”|{phrase}] kwa {tongue}?
            Tafsiri [“{phrase}”|{phrase}] kwa {tongue}[ kwa ajili ya {person}|].
            Nini maana ya [neno|sentensi] “{phrase}”[ kwa {tongue}|]?
            Neno la {tongue} linalomaanisha {device} ni [lipi|neno gani]?
            Nahitaji tafsiri ya [neno|sentensi] “{phrase}” kwa {tongue} {day}.
            Je, unaweza [kutafsiri|kuandika|kusema] “{phrase}” kwa {tongue} [rahisi|sanifu]?
            Watu [husemaje|huandikaje] {dish} kwa {tongue}?
            [Soma|Sema] [sentensi|maneno] “{phrase}” kwa {tongue} ili {person} aelewe.
            Je, “{phrase}” ni [neno sahihi|sentensi sahihi] kwa {tongue}?
            Sijui {tongue} vizuri: [ninasemaje|ninaandikaje] {phrase}?
            {person} anaelewa {tongue} tu, [tafsiri|sema|andika] “{phrase}”.
            Maneno “{phrase}” ni ya lugha gani, na kwa {tongue} [husemwaje|huandikwaje]?
        """,
        "weather": """
            Hali ya hewa [itakuwaje|itakuwa vipi] huko {city} {day}?
            Je, [mvua itanyesha|jua litawaka|kutakuwa na upepo] huko {city} {day}?
            Je, nahitaji [mwavuli|koti|miwani ya jua] huko {city} {day}, kutakuwa na [mvua|jua|baridi]?
            Kutakuwa na [joto|baridi|upepo] kiasi gani {day} {time}?
            [Nionyeshe|Nipe] utabiri wa hali ya hewa wa {city}[ {day}|].
            Angalia kama kutakuwa na [mvua|upepo|ukungu|jua] {day}.
            Je, tunaweza kula nje {day} {time} au [mvua itanyesha|kutakuwa na baridi]?
            Huko {city} kuna [joto|baridi|upepo] kiasi gani [sasa|{time}]?
            {person} anauliza kama kuna [mvua|jua|baridi] huko {city}.
            Tunasafiri kwa {vehicle} kwenda {city} {day}, je, kutakuwa na [mvua|upepo|hali mbaya ya hewa]?
            {room} kuna [joto|baridi] sana, je, nje kutakuwa na [jua|mvua|baridi] {day}?
            Ni nyuzi ngapi za joto [zinatarajiwa|zitafikiwa] huko {city} {day}?
        """,
    },
)
