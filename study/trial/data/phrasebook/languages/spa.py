"""Spanish. Times carry their preposition; bills and vehicles carry their article and so follow neither `a` nor `de`."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=800,
    slots={
        "opener": "¡Hola! | Una cosita. | Perdona. | Oye. | Necesito ayuda. | Tengo una duda.",
        "closer": "¡Gracias! | Muchas gracias. | Es urgente. | No hay prisa. | Te lo agradezco. | Avísame.",
        "city": "Londres | Lyon | Bogotá | Berlín | Oslo | Nairobi | Toronto | Madrid | Tiflis",
        "day": """
            mañana | el jueves | el lunes | el miércoles | el viernes | este fin de semana | el próximo domingo
            dentro de dos días | la víspera de Reyes
        """,
        "time": """
            a las 6:15 | a las 7:30 | al mediodía | a las ocho y media | a las nueve menos cuarto | a las 10:45
            a medianoche | a las 17:00 | a las 21:20
        """,
        "person": "Ana | David | Omar | Priya | Carmen | Marta | Lucía | Nuria | Mehmet",
        "dish": """
            una pizza de champiñones | una pizza de atún | una pizza margarita | una sopa de fideos
            una sopa de lentejas | una sopa de pescado | un bocadillo de queso | un bocadillo de jamón
            una ensalada verde | una ensalada de pollo
        """,
        "artist": "Mozart | Adele | Miles Davis | Shakira | Bob Marley | Mecano | Fairuz | Vivaldi | Coldplay",
        "genre": "jazz | hip hop | flamenco | tecno | ópera | blues | reggae | salsa | rock",
        "vehicle.el.en": """
            el tren / en tren | el autobús / en autobús | el ferry / en ferry | el autocar / en autocar
            el avión / en avión | el tranvía / en tranvía | el barco / en barco | el metro / en metro
        """,
        "room": """
            en la cocina | en el dormitorio | en el pasillo | en el garaje | en el salón | en el baño
            en el balcón | en el comedor | en el sótano
        """,
        "device": """
            la lámpara de mesa | la lámpara de pie | la lámpara de noche | la estufa de gas | la estufa eléctrica
            la luz del techo | la luz de pared | la cafetera | la lavadora
        """,
        "amount": """
            20 euros | 50 dólares | 100 euros | 15 pesos | 300 dólares | ocho euros | 75 euros | 40 dólares
            90 pesos
        """,
        "bill": """
            la factura del agua | la factura de la luz | la factura del teléfono | la factura del dentista
            el alquiler | la cuota del gimnasio | la cuota del colegio | la multa | el seguro del coche
        """,
        "phrase": """
            buenas noches | dónde está la estación | la cuenta, por favor | espera un momento | tengo hambre
            cuánto es | hasta luego | despiértame temprano | está lloviendo | te quiero
            llama a un médico | salud
        """,
        "tongue": "francés | ruso | árabe | galés | japonés | griego | hindi | suajili | euskera",
        "hotel": "Hotel Astoria | Gran Plaza | Hotel Bellavista | Hostal del Puerto | Ritz | Hotel Kazbek",
    },
    templates={
        "alarm": """
            [Despiértame|Despiértanos|Sácame de la cama] {day} {time}[, por favor|].
            [Pon|Programa|Añade] [una alarma|otra alarma|el despertador] para {day} {time}.
            No quiero quedarme dormido {day}, [despiértame|que suene la alarma|pon el despertador] {time}.
            [Cancela|Borra|Apaga|Para] [la alarma|el despertador|el aviso] que suena {time}.
            Tengo que [despertarme|levantarme|madrugar] {day}, {vehicle.el} a {city} sale {time}.
            Que suene [la alarma|el despertador] {room} {time} para que {person} también se [levante|despierte].
            Pon [un temporizador|una alarma] de [diez|veinte|cuarenta] minutos, estoy preparando {dish}.
            [Pospón|Silencia|Para] [la alarma|el despertador] y [avísame|despiértame] otra vez {time}.
            ¿Qué [alarmas|avisos|recordatorios] [tengo puestos|van a sonar|hay] {day}?
            [Cambia|Mueve] [la alarma|el despertador|el recordatorio], que suene {day} {time}.
            [Recuérdame|Pon un recordatorio|Avísame] {day} {time} para [llamar a {person}|pagar {bill}].
            Quiero [dormir más|dormir hasta tarde] {day}, [pon la alarma|despiértame|levántame] {time}.
        """,
        "food_order": """
            [Pide|Encarga|Tráeme] {dish} [para {person}|para comer].
            [Quiero|Queremos|Vamos a pedir] {dish} y {dish} para [cenar|comer|llevar].
            ¿[Podéis|Pueden] [traer|llevar|entregar] {dish} al {hotel}[ {day}|]?
            [Reserva|Pide] una mesa [en el restaurante|para cenar|para comer] {day} {time}.
            ¿Qué hay de [comer|cenar] en el [menú|restaurante] {day}[ además de {dish}|]?
            ¿Cuánto tarda [la entrega|mi pedido|la comida] si [pido|encargo] {dish}?
            Busca un [restaurante|local] cerca del {hotel} que [sirva|entregue] {dish}.
            [Tenemos|Los niños tienen] mucha hambre: [pide|encarga|trae] {dish} [para cenar|para comer].
            {dish} [sin cebolla|con más aceite|sin nueces] en mi [pedido|cena|comida], por favor.
            Añade {dish} a mi [pedido|comida|cena] y cárgame {amount}.
            ¿Qué [podemos|puedo] [comer|pedir|cenar] {day}? {person} quiere {dish}.
            ¿[Dónde está|Cuándo llega|Por qué tarda] [la comida|el pedido|la cena] de {person}?
        """,
        "hotel": """
            [Reserva|Busca] una habitación [individual|doble|tranquila] en {city} {day}.
            Queremos [llegar al|salir del|registrarnos en el] hotel {day} {time}.
            ¿Está [el desayuno|el aparcamiento|la sauna] incluido en la [habitación|estancia] del {hotel}?
            ¿Cuánto cuesta [una noche|una habitación|la estancia] en el {hotel} {day}?
            Busca un [hotel|alojamiento|hostal] [barato|bonito|céntrico] en {city} para [dormir|alojarnos].
            [Cancela|Cambia|Confirma] mi [reserva|habitación|estancia] en el {hotel}[ {day}|].
            En mi [habitación|habitación del hotel] no funciona {device}[, avisa a la recepción|].
            ¿[Tienen|Queda] una [habitación|cama doble] libre {day} para [dos noches|dos huéspedes]?
            Llegamos a {city} {vehicle.en} {time}, ¿estará abierta la recepción [del hotel|del hostal]?
            ¿Puede {person} [quedarse|dormir|alojarse] [una noche|dos noches] más en el {hotel}?
            Los huéspedes necesitan [toallas|la llave de la habitación|otra cama] {day} {time}.
            Nuestra [reserva|estancia] en {city} es de [dos noches|una noche], [confírmala|cámbiala] {day}.
        """,
        "music": """
            [Pon|Toca|Reproduce] [una canción|un disco|algo] de {artist} {room}.
            [Pon|Reproduce] [un poco de|algo de] {genre} {room}[, a {person} le gusta|].
            [Sube|Baja] [la música|la canción|la radio] {room}[, {person} está durmiendo|].
            [Salta|Para] esta [canción|pista] y [pon|reproduce] {artist}.
            [Quiero|Me apetece] [escuchar|oír] {artist} mientras preparo {dish}.
            [Pon|Reproduce|Mezcla] mi lista de {genre} {time}.
            ¿Quién [canta|toca] esta [canción|pista], es {artist}?
            [Añade|Guarda] {artist} en la lista [de la fiesta|del viaje] {day}.
            Busca la [canción|pista] que dice «{phrase}», la quiero [escuchar|oír].
            [Enciende|Pon] [la música|la radio|la lista] {room} {time}[ con {genre}|].
            [Repite|Guarda] [la última canción|el último disco][ de {artist}|], a {person} le gusta mucho.
            ¿Qué [grupo|cantante] [canta|toca] {genre} en la radio {day}?
        """,
        "payment": """
            [Envía|Manda|Transfiere] {amount} a {person}[ {day}|].
            Paga {bill} [{day}|ahora mismo|desde mi cuenta|con la tarjeta].
            ¿Cuánto [dinero|saldo] queda en mi [tarjeta|cuenta] si pago {bill}?
            ¿Me ha [enviado|pagado|transferido] {person} los {amount}?
            [Transfiere|Manda|Envía] el [dinero|pago] por {bill} {day}.
            Le debo {amount} a {person} por {dish}, [págalo|envíalo|mándalo].
            Divide {bill} con {person} y [paga|transfiere|manda] mi mitad.
            Enséñame cuánto dinero he [gastado|pagado|sacado] en {city}.
            Mi [tarjeta|cuenta] fue bloqueada en {city} cuando [pagué|transferí|envié] {amount}.
            Pídele a {person} [el dinero|{amount}|el pago] [por {bill}|con la nota «{phrase}»].
            ¿Ha recibido [el banco|{person}] [el dinero|el pago|la transferencia] por {bill}?
            [Saca|Retira] {amount} de mi [cuenta|banco|tarjeta] {day}.
        """,
        "smalltalk": """
            [Hola|Buenas|Buenos días], {person}, ¿cómo estás [hoy|tú]?
            Me llamo {person}[ y soy de {city}|], ¿y tú, cómo te llamas?
            ¿Te [gusta|encanta] el {genre}[ tanto como a {person}|]?
            Cuéntame [un chiste|algo divertido|un secreto] sobre {person}[ y {dish}|].
            ¿Has [estado alguna vez en|soñado alguna vez con] {city}, [amigo mío|mi amigo]?
            En {city} [me aburro mucho|estoy muy aburrido], cuéntame [un chiste|algo divertido].
            [Buenas tardes|Adiós|Buenos días], amigo mío, ¿cómo [estás|te sientes]?
            ¿Quién [eres|te creó|es tu amigo], {person}? Cuéntame [tu historia|tu secreto].
            ¿Qué es lo que más te [gusta|encanta] [de {city}|hacer {day}]?
            ¿[Hablas|Sueñas en] {tongue}, [amigo mío|amigo]?
            Eres muy [divertido|listo|amable], a {person} también le [gustas|encantas].
            ¿Estás [contento|cansado|aburrido], amigo? ¿Qué haces {day}?
        """,
        "smart_home": """
            [Enciende|Apaga|Desenchufa] {device} {room}.
            Pon la [calefacción|temperatura] {room} a [diecinueve|veintiún] grados {day}.
            ¿Sigue [encendida|apagada|enchufada] {device} {room}?
            [Atenúa|Enciende|Apaga] [las luces|las lámparas] {room} {time}.
            [Cierra|Abre|Sube|Baja] las [persianas|cortinas] {room}[ cuando haga calor|].
            [Cierra|Bloquea|Abre] la puerta [principal|del jardín] {time} y apaga las luces.
            [Hay poca luz|Hace mucho frío|Hace mucho calor] {room}, [enciende|apaga] [la calefacción|las lámparas].
            Que {device} se [encienda|apague] {room} {day} {time}.
            [Sube|Baja] la [calefacción|temperatura] {room} antes de que {person} [llegue|se despierte].
            Mira si {room} están [abiertas|cerradas] las [ventanas|puertas|persianas].
            ¿Ha [cerrado|abierto] {person} la [puerta|ventana] {room}?
            [Apaga|Baja] [la calefacción|las luces] cuando me vaya a {city} {day}.
        """,
        "transport": """
            ¿A qué hora [sale|llega] {vehicle.el} a {city} {day}?
            [Reserva|Compra] [un billete|un asiento] a {city} {day} para viajar {vehicle.en}.
            ¿Cómo [llego|voy|viajo] de {city} a {city} {vehicle.en}?
            ¿Cuánto cuesta un billete [de ida|de ida y vuelta] a {city} {day}?
            ¿Va [con retraso|puntual] {vehicle.el} que [sale|llega] de {city} {time}?
            [Pide|Llama] un taxi [al aeropuerto|al {hotel}|a la parada] para salir {time}.
            ¿De qué [andén|parada|vía] sale {vehicle.el} a {city}?
            Tengo que [llegar|viajar|ir] a {city} {day}, ¿cuál es [la ruta más rápida|el camino más rápido]?
            ¿Hay [rutas|conexiones|salidas] directas a {city} {day}[ {vehicle.en}|]?
            ¿En qué [parada|andén] [cambio yo|cambiamos {person} y yo] para llegar a {city}?
            ¿Cuánto dura el [viaje|trayecto|camino] de {city} a {city}[ {vehicle.en}|]?
            Planea [un viaje|un trayecto|una ruta] a {city} para [salir|llegar] {day} {time}.
        """,
        "translation": """
            ¿[Cómo se dice|Cómo se escribe|Qué es] [«{phrase}»|{phrase}] en {tongue}?
            Traduce [«{phrase}»|{phrase}] al {tongue}[ para {person}|].
            ¿Qué significa [la palabra|la frase|la expresión] «{phrase}»[ en {tongue}|]?
            ¿Cuál es la [palabra|traducción] en {tongue} para {device}?
            Necesito [la traducción de|la frase] «{phrase}» en {tongue} para {day}.
            ¿Puedes [traducir|decir|escribir] «{phrase}» en {tongue} [sencillo|correcto]?
            ¿Cómo se [dice|pide|escribe] {dish} en {tongue}?
            [Lee|Di|Pronuncia] la [frase|expresión] «{phrase}» en {tongue} para que {person} la entienda.
            ¿Es «{phrase}» una [frase|palabra|expresión] correcta en {tongue}?
            Mi {tongue} es [malo|básico]: ¿cómo [digo|traduzco|pronuncio] {phrase}?
            {person} solo [habla|entiende] {tongue}, [traduce|di|escribe] «{phrase}».
            ¿En qué idioma está la [frase|palabra] «{phrase}», significa lo mismo en {tongue}?
        """,
        "weather": """
            ¿Qué [tiempo|temperatura] [hará|habrá] {day} en {city}?
            ¿Va a [llover|nevar|hacer sol] en {city} {day}?
            ¿Necesito [paraguas|abrigo|gafas de sol] en {city} {day} por si [llueve|hace frío|hace sol]?
            ¿Cuánto [calor|frío|viento] va a hacer {day} {time}?
            [Enséñame|Dame] el pronóstico del tiempo [de|para] {city}[ {day}|].
            Mira si se [espera|pronostica] [lluvia|viento|nieve|sol] {day}.
            ¿Podemos cenar fuera {day} {time} o [va a llover|hará frío|hará mucho viento]?
            ¿Qué temperatura hace en {city} [ahora|{time}]?
            {person} quiere saber si en {city} [hace sol|está nevando|llueve|hace frío].
            Vamos a {city} {vehicle.en} {day}, ¿habrá [nieve|viento|mal tiempo|lluvia]?
            ¿Cuántos [grados|centímetros de nieve|litros de lluvia] se [esperan|pronostican] en {city} {day}?
            Hace mucho [calor|frío|viento] {room}, ¿[hará sol|lloverá|nevará] fuera {day}?
        """,
    },
)
