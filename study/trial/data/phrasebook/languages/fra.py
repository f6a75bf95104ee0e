"""French. Cities come with their preposition, and names begin with consonants, so that nothing elides."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=750,
    slots={
        "opener": "Coucou ! | Petite question. | Excuse-moi. | Écoute. | J'ai besoin d'aide. | Une chose.",
        "closer": "Merci ! | Merci beaucoup. | C'est urgent. | Rien ne presse. | C'est gentil. | Tiens-moi au courant.",
        "city.a.de": """
            à Londres / de Londres | à Lyon / de Lyon | au Caire / du Caire | à Berlin / de Berlin
            à Oslo / d'Oslo | à Nairobi / de Nairobi | à Toronto / de Toronto | à Madrid / de Madrid
            à Tbilissi / de Tbilissi
        """,
        "day": """
            demain | jeudi | lundi | mercredi | vendredi | ce week-end | dimanche prochain | dans deux jours
            la veille de Noël
        """,
        "time": """
            à 6 h 15 | à 7 h 30 | à midi | à huit heures et demie | à neuf heures moins le quart | à 10 h 45
            à minuit | à 17 h | à 21 h 20
        """,
        "person": "David | Lucie | Karim | Priya | Madame Roux | Bruno | Nino | Mehmet | Rose",
        "dish": """
            une pizza aux champignons | une pizza au thon | une pizza margherita | une soupe de lentilles
            une soupe de poisson | une soupe au pistou | un sandwich au fromage | un sandwich au jambon
            une salade verte | une salade de poulet
        """,
        "artist": "Mozart | Zaz | Miles Davis | Shakira | Bob Marley | Stromae | Fairuz | Vivaldi | Coldplay",
        "genre.du.le": """
            du jazz / le jazz | du hip-hop / le hip-hop | du folk / le folk | de la techno / la techno
            de la salsa / la salsa | du blues / le blues | du reggae / le reggae | du piano / le piano
            du rock / le rock
        """,
        "vehicle.le.en": """
            le train / en train | le bus / en bus | le ferry / en ferry | le car / en car | l'avion / en avion
            le tramway / en tramway | le bateau / en bateau | le métro / en métro
        """,
        "room": """
            dans la cuisine | dans la chambre | dans le couloir | dans le garage | dans le salon
            dans la salle de bains | sur le balcon | dans la salle à manger | à la cave
        """,
        "device": """
            la lampe de bureau | la lampe de chevet | la lampe du plafond | la lumière du mur | la veilleuse
            la lumière du miroir | la cafetière | la machine à laver | la chaudière
        """,
        "amount": """
            20 euros | 50 dollars | 100 euros | 15 francs | 300 dollars | huit euros | 75 euros | 40 francs
            90 dollars
        """,
        "bill": """
            la facture d'eau | la facture de gaz | la facture de téléphone | la facture du dentiste | le loyer
            les frais de sport | les frais de cantine | la contravention | la prime d'assurance
        """,
        "phrase": """
            bonne nuit | où est la gare | l'addition, s'il vous plaît | ferme la fenêtre | j'ai faim
            c'est combien | à plus tard | réveille-moi tôt | il pleut fort | je t'aime
            appelez un médecin | à ta santé
        """,
        "tongue": "allemand | russe | arabe | gallois | japonais | grec | hindi | swahili | basque",
        "hotel": """
            hôtel Astoria | hôtel du Parc | hôtel Bellevue | auberge du Port | hôtel Ritz | auberge des Pins
            hôtel Kazbek
        """,
    },
    templates={
        "alarm": """
            [Réveille-moi|Réveille-nous|Tire-moi du lit] {day} {time}[, s'il te plaît|].
            [Mets|Règle|Ajoute] [une alarme|un réveil|une autre alarme] pour {day} {time}.
            Je ne veux pas rater le réveil {day}, [réveille-moi|fais sonner l'alarme] {time}.
            [Annule|Supprime|Arrête|Coupe] [le réveil|l'alarme|le rappel] qui sonne {time}.
            Je dois [me réveiller|me lever|être debout] {time}, je pars {vehicle.en} {city.a}.
            Fais sonner [le réveil|l'alarme] {room} {time} pour que {person} se [lève|réveille] aussi.
            Mets [un minuteur|une alarme] de [dix|vingt|quarante] minutes, je prépare {dish}.
            [Arrête|Coupe|Repousse] [l'alarme|le réveil] et [réveille-moi|sonne] encore {time}.
            [Quelles alarmes|Quels réveils|Quels rappels] vont sonner {day} ?
            [Décale|Change|Règle] [mon réveil|mon alarme|mon rappel], je me lève {day} {time}.
            [Rappelle-moi de téléphoner|Mets un rappel], {person} attend mon appel {day} {time}.
            Je veux [dormir plus|faire la grasse matinée] {day}, [mets le réveil|réveille-moi] {time}.
        """,
        "food_order": """
            [Commande|Apporte]-moi {dish} [pour {day}|et {dish}].
            [Je voudrais|Nous voulons|On va prendre] {dish} et {dish} pour le [dîner|déjeuner|repas].
            [Pouvez-vous|Peux-tu] [livrer|apporter] {dish} à l'{hotel}[ {day}|] ?
            [Réserve|Trouve] une table [au restaurant|pour dîner|pour déjeuner] {day} {time}.
            Qu'y a-t-il au menu du [déjeuner|dîner|restaurant] {day}[, avec {dish}|] ?
            Combien de temps prend [la livraison|ma commande|le repas] si je commande {dish} ?
            Trouve un [restaurant|traiteur] près de l'{hotel} qui [livre|sert|cuisine] {dish}.
            [Nous avons|Les enfants ont] très faim : [commande|fais livrer] {dish} {time}.
            {dish} [sans oignons|avec plus de sauce|sans noix] dans ma [commande|livraison], merci bien.
            Ajoute {dish} à ma [commande|livraison] pour le [repas|dîner] et débite {amount}.
            Que peut-on [manger|commander] {day} ? {person} veut {dish} pour le [dîner|déjeuner].
            Où est [la livraison|la commande|le repas] pour {person}[, avec {dish}|] ?
        """,
        "hotel": """
            [Réserve|Trouve] une chambre [simple|double|calme] {city.a} {day}.
            Nous voulons [arriver à|quitter|payer] l'hôtel {day} {time}, préviens la réception.
            [Le petit déjeuner|Le parking|Le sauna] est-il compris avec [la chambre|la nuit] à l'{hotel} ?
            Combien coûte [une nuit|une chambre|un séjour] à l'{hotel} {day} ?
            Trouve-nous [un hôtel|un logement] [agréable|confortable] {city.a} pour [dormir|notre séjour].
            [Annule|Modifie|Confirme] ma [réservation|chambre|nuit] à l'{hotel}[ {day}|].
            Dans ma [chambre d'hôtel|suite|chambre double], {device} ne marche pas.
            Avez-vous [une chambre|un lit double] libre {day} pour [deux nuits|deux clients] ?
            Nous arrivons {city.a} {vehicle.en} {time}, la réception de l'hôtel sera-t-elle ouverte ?
            Est-ce que {person} peut [rester|dormir] [une nuit|deux nuits] de plus à l'{hotel} ?
            Les clients [demandent|attendent] [des serviettes|la clé de la chambre|un lit] {day} {time}.
            Notre [réservation|séjour] {city.a} dure [deux nuits|une nuit], [confirme|modifie] tout {day}.
        """,
        "music": """
            [Mets|Joue|Lance] [une chanson|un album|un morceau] de {artist} {room}.
            [Mets|Joue|Lance] {genre.du} {room}[, {person} adore ça|].
            [Monte|Baisse] [la musique|la chanson|la radio] {room}[, {person} dort|].
            [Passe|Arrête] [cette chanson|cet album|ce morceau] et [mets|joue] {artist}.
            [Je veux écouter|J'ai envie d'écouter|Je voudrais entendre] {artist} en préparant {dish}.
            [Lance|Mets|Mélange] la liste avec {genre.du} {time}.
            Qui [chante|joue] [cette chanson|ce morceau], c'est {artist} ?
            [Ajoute|Enregistre] {artist} dans la liste [de la fête|du voyage] {day}.
            Trouve [la chanson|le morceau] avec les mots « {phrase} », je veux l'[écouter|entendre].
            [Lance|Mets] [la musique|la radio|la liste] {room} {time}[ avec {genre.du}|].
            [Répète|Enregistre] [la dernière chanson|le dernier album][ de {artist}|], {person} l'écoute souvent.
            Quel [groupe|chanteur] joue {genre.du} à la radio {day} ?
        """,
        "payment": """
            [Envoie|Transfère|Verse] {amount} à {person}[ {day}|].
            [Paie|Règle] {bill} [{day}|tout de suite|avec mon compte|par carte].
            Combien d'argent reste-t-il sur [ma carte|mon compte] si je [paie|règle] {bill} ?
            Est-ce que {person} m'a [envoyé|payé|versé] les {amount} ?
            [Envoie|Transfère|Verse] [l'argent|le paiement] pour {bill} {day}.
            Je dois {amount} à {person} pour {dish}, [paie|verse|envoie] cet argent.
            Partage {bill} avec {person} et [paie|règle|verse] ma moitié.
            Montre combien d'argent j'ai [dépensé|payé|retiré] {city.a}.
            [Ma carte|Mon compte] ne marche pas {city.a}, je voulais [payer|retirer|verser] {amount}.
            Demande à {person} [l'argent|{amount}|le paiement] pour {bill}.
            [La banque|{person}] a bien reçu [l'argent|le paiement|le virement] pour {bill} ?
            [Retire|Débite] {amount} de [mon compte|ma banque|ma carte] {day}.
        """,
        "smalltalk": """
            [Bonjour|Salut|Bonsoir] {person}, comment [vas-tu|te sens-tu] aujourd'hui ?
            Je m'appelle {person}[ et je viens {city.de}|], et toi, comment t'appelles-tu ?
            Est-ce que tu [aimes|adores] {genre.le}[ autant que {person}|] ?
            Raconte-moi [une blague|une histoire drôle|un secret] sur {person}[ et {dish}|].
            Es-tu déjà [allé|venu|passé] {city.a}, mon [ami|cher ami] ?
            Je m'ennuie [tellement|souvent] {city.a}, raconte-moi [une blague|une histoire drôle].
            [Bonjour|Salut|Au revoir], mon ami, comment [vas-tu|va {person}] ?
            Qui [es-tu|t'a créé|est ton ami], {person} ? Raconte-moi [ton histoire|ton secret].
            Qu'est-ce que tu [aimes|adores] le plus [à faire {city.a}|chez {person}] ?
            [Parles-tu|Rêves-tu en] {tongue}, mon [ami|cher ami] ?
            Tu es vraiment [drôle|gentil|malin], {person} t'[aime|adore] aussi.
            Es-tu [content|fatigué|heureux], mon ami ? Que fais-tu {day} ?
        """,
        "smart_home": """
            [Allume|Éteins|Débranche] {device} {room}.
            [Mets|Règle] [le chauffage|la température] {room} sur [dix-neuf|vingt et un] degrés {day}.
            Est-ce que {device} est encore [allumée|éteinte|branchée] {room} ?
            [Tamise|Allume|Éteins] les [lumières|lampes] {room} {time}.
            [Ferme|Ouvre|Baisse|Monte] les [volets|stores|rideaux] {room}[ quand il fait chaud|].
            [Ferme|Verrouille|Ouvre] la porte [d'entrée|du jardin] {time} et éteins les lumières.
            Il fait trop [sombre|froid|chaud] {room}, [allume|règle] [le chauffage|les lampes].
            {device} doit [s'allumer|s'éteindre] {room} {day} {time}.
            [Monte|Baisse] [le chauffage|la température] {room} avant que {person} [arrive|se lève].
            Vérifie si les [fenêtres|portes] sont [ouvertes|fermées] {room}.
            Est-ce que {person} a [fermé|ouvert|verrouillé] la [porte|fenêtre] {room} ?
            [Éteins|Baisse] [le chauffage|les lumières] quand je pars {city.a} {day}.
        """,
        "transport": """
            À quelle heure [part|arrive|passe] {vehicle.le} qui va {city.a} {day} ?
            [Réserve|Achète] [un billet|une place] {vehicle.en} pour aller {city.a} {day}.
            Comment [aller|se rendre|voyager] {city.de} {city.a} {vehicle.en} ?
            Combien coûte un [billet|aller simple|aller-retour] pour aller {city.a} {day} ?
            Est-ce que {vehicle.le} qui arrive {city.de} {time} est [en retard|à l'heure] ?
            [Appelle|Réserve] un taxi pour aller à [l'aéroport|l'{hotel}|l'arrêt] {time}.
            De quel [quai|arrêt] part {vehicle.le} qui va {city.a} ?
            Je dois [aller|être] {city.a} {day} {time}, quel est [le trajet|le chemin] le plus rapide ?
            Y a-t-il des [trajets|voyages|départs] directs pour aller {city.a} {day} ?
            À quel [arrêt|quai] dois-je changer [avec {person}|{day}] pour aller {city.a} ?
            Combien de temps dure [le trajet|le voyage|la route] {city.de} {city.a}[ {vehicle.en}|] ?
            Planifie [un trajet|un voyage] {city.de} {city.a}, [départ|arrivée] {time}.
        """,
        "translation": """
            [Comment dit-on|Comment écrit-on|Que veut dire] [« {phrase} »|{phrase}] en {tongue} ?
            Traduis [« {phrase} »|{phrase}] en {tongue}[ pour {person}|].
            Que [veut dire|signifie] [le mot|la phrase|l'expression] « {phrase} »[ en {tongue}|] ?
            Quel est le [mot|mot juste|nom] en {tongue} pour {device} ?
            J'ai besoin de [la traduction|la phrase] « {phrase} » en {tongue} {day}.
            Peux-tu [traduire|dire|écrire] « {phrase} » en {tongue} [simple|correct|courant] ?
            Comment [dit-on|écrit-on|commande-t-on] {dish} en {tongue} ?
            [Lis|Dis|Prononce] [la phrase|les mots] « {phrase} » en {tongue} pour que {person} comprenne.
            Est-ce que « {phrase} » est [une phrase correcte|le bon mot|une expression polie] en {tongue} ?
            Je parle mal {tongue} : comment [dire|traduire|prononcer] {phrase} ?
            {person} [parle seulement|ne parle que|parle surtout] {tongue}, [traduis|dis|écris] « {phrase} ».
            Quelle est la langue de [cette phrase|ces mots], « {phrase} », et que dit-on en {tongue} ?
        """,
        "weather": """
            Quel temps [fera-t-il|va-t-il faire] {city.a} {day} ?
            Est-ce qu'il va [pleuvoir|neiger|faire beau] {city.a} {day} ?
            Faut-il [un parapluie|un manteau|des lunettes de soleil] {city.a} {day}, va-t-il [pleuvoir|faire froid] ?
            Est-ce qu'il va faire [chaud|froid|doux|beau] {day} {time} ?
            [Montre-moi|Donne-moi] [la météo|les prévisions météo] {city.de}[ pour {day}|].
            Regarde si la météo [prévoit|annonce] [de la pluie|du vent|de la neige|du soleil] {day}.
            Peut-on dîner dehors {day} {time} ou va-t-il [pleuvoir|faire froid|neiger] ?
            Quelle température fait-il {city.a} [en ce moment|{time}] ?
            {person} veut savoir s'il [pleut|neige|fait beau|fait froid] {city.a}.
            Nous allons {city.a} {vehicle.en} {day}, y aura-t-il [de la neige|du vent|de la pluie] ?
            Combien de [degrés|centimètres de neige|jours de pluie] sont [attendus|prévus] {city.a} {day} ?
            Il fait très [chaud|froid] {room}, est-ce qu'il va faire [beau|doux|froid] dehors {day} ?
        """,
    },
)
