"""Welsh, low-resource here. Initial mutations: fillers give the mutated forms that templates name, and vehicles,
devices and bills are written as they follow the article 'r."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=56,
    slots={
        "opener": "Helo! | Un cwestiwn. | Esgusoda fi. | Gwranda. | Dw i angen help. | Cymwynas fach.",
        "closer": "Diolch! | Diolch yn fawr. | Mae'n bwysig. | Does dim brys. | Chwarae teg i ti. | Rho wybod i mi.",
        "city.in.to.from": """
            yn Llundain / i Lundain / o Lundain | yng Nghaerdydd / i Gaerdydd / o Gaerdydd
            ym Mangor / i Fangor / o Fangor | yn Oslo / i Oslo / o Oslo
            yn Abertawe / i Abertawe / o Abertawe | yn Wrecsam / i Wrecsam / o Wrecsam
            yn Harlech / i Harlech / o Harlech | yn Nairobi / i Nairobi / o Nairobi
            yn Lyon / i Lyon / o Lyon
        """,
        "day": """
            yfory | ddydd Iau | ddydd Llun | ddydd Mercher | ddydd Gwener | dros y penwythnos | ddydd Sul nesaf
            ymhen deuddydd | ar Noswyl Nadolig
        """,
        "time": """
            am 6:15 | am 7:30 | am hanner dydd | am hanner awr wedi wyth | am chwarter i naw | am 10:45
            am hanner nos | am bump o'r gloch | am 21:20
        """,
        "person": "Anwen | Gwilym | Omar | Priya | Huw | Siân | Lowri | Mehmet | Nia",
        "dish.base.soft": """
            pitsa fadarch / bitsa fadarch | pitsa tiwna / bitsa tiwna | cawl cennin / gawl cennin
            cawl pys / gawl pys | brechdan gaws / frechdan gaws | brechdan ham / frechdan ham
            salad gwyrdd / salad gwyrdd | pysgod a sglodion / bysgod a sglodion | cyri llysiau / gyri llysiau
        """,
        "artist": """
            Mozart | Adele | Bryn Terfel | Shakira | Bob Marley | Dafydd Iwan | Fairuz | Vivaldi | Coldplay
        """,
        "genre": "jazz | hip hop | techno | opera | blues | reggae | roc | soul | swing",
        "vehicle": "trên | bws | fferi | awyren | tram | llong | goets | bad",
        "room": """
            yn y gegin | yn yr ystafell wely | yn y cyntedd | yn y garej | yn y lolfa
            yn yr ystafell ymolchi | ar y balconi | yn yr ystafell fwyta | yn y seler
        """,
        "device": """
            lamp ddesg | lamp nenfwd | golau wal | golau nos | gwresogydd nwy | peiriant coffi
            peiriant golchi | tegell | teledu
        """,
        "amount": """
            20 punt | 50 doler | 100 ewro | 15 punt | 300 doler | wyth ewro | 75 ewro | 40 doler | 90 punt
        """,
        "bill": """
            bil dŵr | bil trydan | bil ffôn | bil nwy | rhent | tâl campfa | tâl ysgol | ddirwy barcio
            yswiriant car
        """,
        "phrase": """
            nos da | ble mae'r orsaf | y bil, os gwelwch yn dda | diffodda'r golau | dw i'n llwglyd
            faint yw e | wela i di wedyn | deffra fi'n gynnar | mae'n bwrw glaw nawr | dw i'n dy garu di
            ffonia'r meddyg | iechyd da
        """,
        "tongue": """
            Ffrangeg | Rwsieg | Arabeg | Saesneg | Japaneg | Eidaleg | Hindi | Swahili | Hwngareg
        """,
        "hotel.in.to": """
            yng Ngwesty Astoria / i Westy Astoria | yng Ngwesty'r Castell / i Westy'r Castell
            yng Ngwesty'r Harbwr / i Westy'r Harbwr | yng Ngwesty Plaza / i Westy Plaza
            yng Ngwesty'r Parc / i Westy'r Parc | yng Ngwesty Eryri / i Westy Eryri
        """,
    },
    templates={
        "alarm": """
            [Deffra fi|Deffra ni|Coda fi] {day} {time}[, os gweli di'n dda|].
            Gosoda [larwm|larwm arall|larwm newydd] {day} {time}.
            Dw i ddim eisiau cysgu'n hwyr {day}, [deffra fi|gosoda larwm] {time}.
            [Cansla|Dilea|Diffodda]'r larwm sy'n canu {day} {time}.
            Rhaid i mi [godi|ddeffro] {time}, mae'r {vehicle} {city.to} yn gadael yn gynnar.
            Cana'r larwm {room} {time} er mwyn i {person} [godi|ddeffro] hefyd.
            Gosoda [larwm|amserydd] am [ddeg|ugain|ddeugain] munud, dw i'n coginio {dish.base}.
            [Stopia|Diffodda]'r larwm a [deffra fi|gosoda larwm arall] {time}.
            Pa larymau sydd [wedi'u gosod|gen i|yn canu] {day}?
            [Atgoffa fi|Gosoda larwm] {day} {time} i [ffonio {person}|dalu'r {bill}].
            Dw i eisiau [cysgu'n hwyr|aros yn y gwely] {day}, [deffra fi|gosoda'r larwm] {time}.
            Symuda'r larwm, dylai [ganu|fy neffro i] {day} {time}.
        """,
        "food_order": """
            [Archeba|Dewisa|Coginia] {dish.soft} [i swper|i ginio|i {person}].
            [Hoffwn i|Hoffen ni] archebu {dish.base} [i ginio|i swper], [mae {person}|dw i] eisiau bwyd.
            Allwch chi [ddanfon|anfon|gludo] {dish.base} {hotel.to}[ {day}|]?
            [Archeba|Cadwa] fwrdd [yn y bwyty|i swper|i ginio] {day} {time}.
            Beth sydd ar [y fwydlen|fwydlen y bwyty] {day}[ heblaw am {dish.soft}|]?
            Pryd daw [yr archeb|y bwyd] os dw i'n archebu {dish.base}[ i {person}|]?
            Chwilia am fwyty {hotel.in} sy'n [gweini|coginio] {dish.base}.
            [Mae'r plant|Dyn ni] eisiau bwyd: [archeba|coginia] {dish.soft} {time}.
            Rho {dish.soft} [heb winwns|heb halen|gyda saws] yn fy archeb [bwyd|i swper].
            Beth allwn ni [fwyta|archebu] {day}? Mae {person} eisiau {dish.base} [i ginio|i swper].
            [Ble mae|Pryd daw] [bwyd|swper|cinio] {person}?
            Ychwanega {dish.soft} at fy [archeb|archeb fwyd], dw i'n talu {amount}.
        """,
        "hotel": """
            [Archeba|Cadwa] ystafell [sengl|ddwbl|dawel] {city.in} {day}.
            Hoffen ni [gyrraedd|adael] y gwesty {day} {time}.
            Ydy [brecwast|parcio] yn rhan o bris [yr ystafell|y gwesty] {hotel.in}?
            Faint yw [noson|ystafell ddwbl|ystafell] {hotel.in} {day}?
            Chwilia am [westy rhad|westy braf|ystafell] {city.in} [i ni aros|i gysgu].
            [Cansla|Newidia|Cadarnha] fy [ystafell|archeb ystafell] {hotel.in}[ {day}|].
            [Yn y gwesty|Yn fy ystafell yn y gwesty], dydy'r {device} ddim yn gweithio.
            Oes [ystafell|gwely dwbl] ar gael {day} am [ddwy noson|wythnos]?
            Byddwn ni {city.in} gyda'r {vehicle} {time}, fydd derbynfa'r gwesty ar agor?
            [All|Gaiff] {person} aros [noson arall|dwy noson arall] {hotel.in}?
            Mae'r gwesteion angen [tywelion|allwedd yr ystafell|gwely arall] {day} {time}.
            Dyn ni'n aros {city.in} am [ddwy noson|noson], [cadarnha|newidia] bopeth {day}.
        """,
        "music": """
            [Chwaraea|Dechreua] [gân|albwm|gerddoriaeth] gan {artist} {room}.
            [Chwaraea|Dechreua] [gerddoriaeth|ganeuon] {genre} {room}.
            Tro'r [gerddoriaeth|gân|radio] [i lawr|i fyny] {room}[, mae {person} yn cysgu|].
            Stopia'r [gân|albwm] yma a chwaraea {artist}[ i {person}|].
            Dw i eisiau [gwrando ar|clywed] {artist} wrth goginio {dish.base}.
            [Chwaraea|Cymysga]'r rhestr o ganeuon {genre} {time}.
            Pwy sy'n [canu|chwarae]'r gân yma, ai {artist}?
            [Ychwanega|Cadwa] ganeuon {artist} ar y rhestr i'r [parti|daith] {day}.
            Ffeindia'r gân sy'n dweud “{phrase}”, dw i eisiau [gwrando arni|ei chlywed].
            Dechreua'r [gerddoriaeth|radio] {room} {time}[ gyda {genre}|].
            Pa [fand|ganwr] fydd yn [canu|chwarae] {genre} ar y radio {day}?
            Chwaraea'r [gân|albwm] olaf gan {artist} [eto|unwaith eto] i {person}.
        """,
        "payment": """
            [Anfona|Trosglwydda] {amount} i {person}[ {day}|].
            Tala'r {bill} [{day}|nawr|o fy nghyfrif|â'r cerdyn].
            Faint o arian fydd ar ôl [yn fy nghyfrif|ar y cerdyn] ar ôl talu'r {bill}?
            Ydy {person} wedi [anfon|talu|trosglwyddo] {amount} i mi?
            [Anfona|Trosglwydda]'r arian i dalu'r {bill} {day}.
            Mae arna i {amount} i {person} am {dish.soft}, [tala|anfona]'r arian.
            Rhanna'r {bill} gyda {person} a [thala|throsglwydda] fy hanner i.
            Dangosa faint o arian wnes i [wario|dalu|godi] {city.in}.
            Cafodd fy ngherdyn ei [wrthod|rwystro] {city.in} wrth dalu {amount}.
            Gofynna i {person} am [{amount}|yr arian] i dalu'r {bill}.
            Ydy'r banc wedi [derbyn|cael] yr arian i dalu'r {bill}?
            Coda {amount} o fy [nghyfrif|manc] {day}.
        """,
        "smalltalk": """
            [Shwmae|Bore da|Prynhawn da] {person}, sut [wyt ti|mae'r hwyl] heddiw?
            {person} ydw i[, dw i'n dod {city.from}|], beth yw dy enw di?
            Wyt ti'n [hoffi|mwynhau] {genre}[ fel {person}|], fy ffrind?
            Dweda [jôc|stori ddoniol|gyfrinach] am {person} wrtha i[, fy ffrind|].
            Wyt ti wedi bod {city.in} [erioed|o'r blaen], fy ffrind?
            Dw i [wedi diflasu|mor unig] {city.in}, dweda [jôc|stori ddoniol].
            [Bore da|Prynhawn da|Hwyl fawr], fy ffrind, sut mae {person}?
            Pwy [wyt ti|wnaeth dy greu di|yw dy ffrind], {person}? Dweda dy [stori|gyfrinach].
            Beth wyt ti'n ei [hoffi|fwynhau] fwyaf {city.in}, fy ffrind?
            Wyt ti'n [siarad|breuddwydio yn] {tongue}, fy ffrind?
            Rwyt ti mor [ddoniol|glyfar|garedig], mae {person} yn dy [hoffi|garu] di hefyd.
            Wyt ti'n [hapus|drist|flinedig], fy ffrind? Beth wyt ti'n ei wneud {day}?
        """,
        "smart_home": """
            Rho'r {device} [ymlaen|i ffwrdd] {room}.
            Gosoda'r [gwres|tymheredd] {room} ar [bedair gradd ar bymtheg|ugain gradd] {day}.
            Ydy'r {device} {room} [ymlaen|i ffwrdd] o hyd?
            [Diffodda|Pyla]'r [goleuadau|lampau] {room} {time}.
            [Agora|Caea]'r [llenni|ffenestri] {room}[ pan fydd hi'n boeth|].
            [Cloia|Agora|Caea] ddrws [y tŷ|yr ardd] {time}, yna diffodda'r goleuadau.
            Mae hi'n rhy [dywyll|oer] {room}, rho'r [goleuadau|gwres] ymlaen.
            Dylai'r {device} {room} [droi ymlaen|ddiffodd] {day} {time}.
            Tro'r [gwres|tymheredd] [i fyny|i lawr] {room} cyn i {person} [gyrraedd|ddeffro].
            Ydy'r [ffenestri|llenni|drysau] {room} [ar agor|wedi'u cau]?
            Ydy {person} wedi [cau'r|agor y|cloi'r] [drws|ffenest] {room}?
            Diffodda'r [gwres|goleuadau] yn y tŷ pan fydda i'n mynd {city.to} {day}.
        """,
        "transport": """
            Pryd mae'r {vehicle} {city.to} yn [gadael|mynd] {day}?
            [Archeba|Pryna] docyn {city.to} {day}, dw i'n teithio gyda'r {vehicle}.
            Sut mae [mynd|teithio] {city.from} {city.to} gyda'r {vehicle}?
            Faint yw tocyn [unffordd|dwyffordd] {city.to} {day}?
            Ydy'r {vehicle} {city.from} {time} yn [hwyr|brydlon]?
            [Archeba|Ffonia am] dacsi i'r [maes awyr|orsaf|arhosfan] {time}.
            O ba [blatfform|arhosfan] mae'r {vehicle} {city.to} yn gadael?
            Rhaid i mi [gyrraedd|fod] {city.in} {day} {time}, beth yw'r [daith|ffordd] gyflymaf?
            Oes [taith|gwasanaeth] uniongyrchol {city.to} {day}?
            Pa mor hir yw'r [daith|ffordd] {city.from} {city.to}[ gyda'r {vehicle}|]?
            Ble mae rhaid i [mi|{person}] newid ar y [ffordd|daith] {city.to}?
            Cynllunia [daith|ffordd] {city.to}, [gan adael|gan gyrraedd] {time}.
        """,
        "translation": """
            Sut mae [dweud|ysgrifennu] [“{phrase}”|{phrase}] yn {tongue}?
            Cyfieitha [“{phrase}”|{phrase}] i'r {tongue}[ i {person}|].
            Beth yw ystyr [y gair|y frawddeg] “{phrase}”[ yn {tongue}|]?
            Beth yw'r [gair|gair cywir] yn {tongue} am y {device}?
            Dw i angen [cyfieithiad o|y frawddeg] “{phrase}” yn {tongue} {day}.
            Alli di [gyfieithu|ddweud|ysgrifennu] “{phrase}” yn {tongue} [syml|cywir]?
            Sut mae [dweud|ysgrifennu|archebu] {dish.base} yn {tongue}?
            [Darllena|Dweda] [y frawddeg|y geiriau] “{phrase}” yn {tongue} er mwyn i {person} ddeall.
            Ydy “{phrase}” yn [frawddeg gywir|air cywir] yn {tongue}?
            Dw i ddim yn siarad {tongue} yn dda: sut mae [dweud|cyfieithu] {phrase}?
            Mae {person} yn [siarad|deall] {tongue} yn unig, [cyfieitha|dweda|ysgrifenna] “{phrase}”.
            O ba iaith mae'r [gair|frawddeg] “{phrase}” yn dod, a beth yw e yn {tongue}?
        """,
        "weather": """
            Sut [fydd y tywydd|dywydd fydd hi] {city.in} {day}?
            Fydd hi'n [bwrw glaw|bwrw eira|heulog] {city.in} {day}?
            Oes angen [ymbarél|côt gynnes|sbectol haul] {city.in} {day}, fydd hi'n [oer|heulog|wlyb]?
            Pa mor [boeth|oer|wyntog] fydd hi {day} {time}?
            [Dangosa|Rho] ragolygon y tywydd {city.in} i mi[ {day}|].
            Edrycha a fydd [glaw|eira|gwynt] yn rhagolygon y tywydd {day}.
            Allwn ni fwyta tu allan {day} {time}, neu fydd hi'n [bwrw glaw|rhy oer|wyntog]?
            Beth yw'r tymheredd {city.in} [nawr|{time}]?
            Mae {person} yn gofyn ydy hi'n [heulog|oer|bwrw eira|boeth] {city.in}.
            Dyn ni'n mynd {city.to} gyda'r {vehicle} {day}, fydd hi'n [bwrw glaw|bwrw eira|dywydd gwael]?
            Mae hi mor [boeth|oer] {room}, fydd hi'n [heulog|oer|wyntog] tu allan {day}?
            Sawl gradd fydd hi {city.in} {day}, yn ôl [rhagolygon y tywydd|y rhagolygon]?
        """,
    },
)
