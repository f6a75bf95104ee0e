"""English."""

from study.trial.data.phrasebook.grammar import Language

LANGUAGE = Language(
    train=900,
    slots={
        "opener": "Hi there! | One quick thing. | Excuse me. | Sorry to bother you. | Listen. | I need a hand.",
        "closer": "Thanks! | Many thanks. | It's urgent. | There's no rush. | I appreciate it. | Let me know.",
        "city": "London | Lyon | Cairo | Berlin | Oslo | Nairobi | Toronto | Madrid | Tbilisi",
        "day": """
            tomorrow | on Thursday | on Monday | on Wednesday | on Friday | this weekend | next Sunday
            in two days | on Christmas Eve
        """,
        "time": "6:15 | 7:30 | noon | half past eight | a quarter to nine | 10:45 | midnight | 5 p.m. | 21:20",
        "person": "Anna | David | Omar | Priya | Mr Evans | Grace | Lucía | Doctor Reed | Mehmet",
        "dish": """
            a mushroom pizza | a pepperoni pizza | a tuna pizza | noodle soup | lentil soup | fish soup
            a green salad | a chicken salad | a bean burger | a cheese burger | fried rice | chicken with rice
        """,
        "artist": "Mozart | Adele | Miles Davis | Shakira | Bob Marley | the Beatles | Fairuz | Vivaldi | Coldplay",
        "genre": "jazz | hip hop | folk | techno | opera | blues | reggae | piano | rock",
        "vehicle": "train | bus | ferry | coach | shuttle | plane | tram | minivan | sleeper",
        "room": """
            in the kitchen | in the bedroom | in the hallway | in the garage | in the living room
            in the bathroom | on the balcony | in the dining room | in the cellar
        """,
        "device": """
            desk lamp | floor lamp | night lamp | fan heater | patio heater | ceiling light | wall light
            coffee machine | washing machine
        """,
        "amount": """
            20 pounds | 50 dollars | 100 euros | 15 pounds | 300 dollars | 8 euros | 75 euros | 40 dollars
            90 pounds
        """,
        "bill": """
            the water bill | the electricity bill | the phone bill | the dentist's bill | the rent | the gym fee
            the school fee | the parking fine | the car insurance
        """,
        "phrase": """
            good night | where is the station | the check, please | turn off the light | I am hungry
            how much is it | see you later | wake me early | it is raining | I love you | call a doctor | cheers
        """,
        "tongue": "French | Russian | Arabic | Welsh | Japanese | Greek | Hindi | Swahili | Basque",
        "hotel": """
            the Astoria Hotel | the Grand Plaza | the Bellevue Hotel | the Harbour Inn | the Ritz
            the Seaview Hotel
        """,
    },
    templates={
        "alarm": """
            [Wake me up|Get me up|Wake me|Make sure I'm up] {day} at {time}[, please|].
            [Set|Add|Make] [an|another|my] [alarm|loud alarm] for {time} {day}.
            [Make sure I'm awake|Don't let me sleep] after {time} {day}.
            [Cancel|Delete|Turn off|Stop] the {time} [alarm|timer|wake-up call][ {day}|].
            I have to [wake|get|be] up at {time}, my {vehicle} to {city} [leaves early|won't wait].
            [Ring the alarm|Wake us|Sound the alarm] {room} at {time} so that {person} [gets|wakes] up too.
            [Set|Start] a [timer|countdown] for [ten|twenty|forty] minutes, I'm cooking {dish}.
            [Snooze|Stop|Silence] the [alarm|ringing] and [wake me again|ring again] at {time}.
            Which [alarms|timers|reminders] [do I have|are set|will ring] {day}?
            [Move|Change|Shift] my [alarm|wake-up call|reminder] from {time} to {time}[ {day}|].
            [Remind me|Set a reminder] {day} at {time} to [ring {person}|pay {bill}|buy {dish}].
            I want to [sleep|sleep in|snooze] until {time} {day}, [set the alarm|wake me] then.
        """,
        "food_order": """
            [Order|Get|Deliver|Bring] me {dish} [for {person}|for {time}].
            [I'd like|We'll have|I'm ordering] {dish} and {dish} [for dinner|for lunch|to eat].
            Can you [deliver|bring|order] {dish} to {hotel}[ {day}|]?
            [Book|Reserve|Get us] a table [at the restaurant|for dinner|for lunch] {day} at {time}.
            What's on the [lunch|dinner|restaurant] menu {day}[ besides {dish}|]?
            How long will [the delivery|my order|the kitchen] of {dish} take?
            [Find me|I want] a [restaurant|takeaway|kitchen] near {hotel} that [delivers|serves|cooks] {dish}.
            [We're|The kids are] [hungry|starving]: [order|deliver] {dish} before {time}.
            [No onions|Extra sauce|No nuts] with {dish} in my [order|dinner|delivery], please.
            Add {dish} to my [lunch|dinner|takeaway|food] order and charge my card {amount}.
            What can [we|I] [eat|have for lunch|order for dinner] {day}? {person} is [hungry|starving].
            [Where is|Did you cancel] the [takeaway|food|order] [for {person}|with {dish}]?
        """,
        "hotel": """
            [Book|Reserve|Find] a [single room|double room|quiet room|suite] in {city} {day}.
            [I'd like|We want] to check [in|out] [of|at] the hotel at {time} {day}.
            Is [breakfast|parking|the spa] included in the [room|suite|price per night] at {hotel}?
            How much is a [night|double room|suite] at {hotel} {day}?
            Find [me|us] a [cheap|nice|central] [hotel|room|hostel] in {city} to [stay|sleep] in.
            [Cancel|Change|Confirm] my [reservation|room|booking] at {hotel}[ {day}|].
            The {device} in my [hotel room|suite|single room] [is broken|doesn't work].
            Do you have a [room|suite|double bed] free {day} for [two nights|a family of five|two guests]?
            Our {vehicle} gets to {city} at {time}, will the [hotel|hostel|reception] still be open?
            [Can|Could] {person} [stay|sleep] [one more night|two nights longer] at {hotel}?
            [We|The guests] would like [extra towels|the room key|a late check-out] {day} at {time}.
            Our [stay|reservation|booking] in {city} is for [two nights|two guests], [change|confirm] it for {day}.
        """,
        "music": """
            [Play|Start|Put on] [a song|an album|music|a track] by {artist} {room}.
            [Put on|Play|I'm in the mood for] some {genre} [music|songs|tracks][ {room}|].
            Turn the [music|song|volume|radio] [up|down] {room}[, {person} is asleep|].
            [Skip|Stop|Pause] this [song|album|track] and [play|put on] {artist}.
            [I'd like|I want] to [listen to|hear] {artist} while I make {dish}.
            [Shuffle|Play|Start] my {genre} [playlist|album|radio] at {time}.
            Who [sings|wrote|plays] this [song|track|album], is it {artist}?
            [Add|Save] {artist} to the playlist for [the party|the drive] {day}.
            Find the {genre} [song|track] that goes “{phrase}”, I want to [hear|listen to] it.
            Start the [music|radio|playlist] {room} at {time}[ with {genre}|].
            [Repeat|Save] the last [song|track|album][ by {artist}|], {person} [likes|wants to hear] it.
            Which [singer|band] will [sing|play] {genre} on the radio {day}?
        """,
        "payment": """
            [Send|Transfer|Wire] {amount} to {person}[ {day}|].
            [Pay|Settle] {bill} [{day}|right away|from my account|by card].
            How much [money|credit|cash] is left [on my card|in my account] after {bill}?
            Did {person} [send|pay|wire|transfer] me the {amount}?
            [Transfer|Send|Wire] the [money|payment|cash] for {bill} {day}.
            I owe {person} {amount} for {dish}, [pay|settle|send] it.
            Split {bill} with {person} and [pay|settle|transfer] my half.
            Show me how much [money|cash] I [spent|paid|withdrew] in {city}.
            My [card|payment|transfer] was [declined|blocked] in {city} when I [paid|sent] {amount}.
            Ask {person} for the [money|payment|{amount}] [with the note “{phrase}”|for {bill}].
            Has [the bank|{person}] received [{amount}|the money|the transfer] for {bill}?
            [Withdraw|Take|Transfer] {amount} from my [bank|savings] account {day}.
        """,
        "smalltalk": """
            [Hello|Hi|Hey][ {person}|], how are you [doing|feeling] today?
            My name is {person}[ and I'm from {city}|], what's [your name|yours]?
            Do you [like|enjoy|love] {genre}[ as much as {person}|]?
            Tell me a [joke|funny story|secret] about {person}[ and {dish}|].
            Have you ever [been to|dreamed of|loved] {city}, my [friend|dear]?
            I get so [bored|tired|happy] in {city}, tell me [a story|something funny|a joke].
            [Good morning|Good evening|Goodbye], my [friend|dear], how are you [feeling|doing]?
            Who [are you|made you|is your friend], {person}? Tell me your [story|real name|secret].
            What do you [like|enjoy|love] [most about {city}|doing {day}]?
            Do you [speak|like|dream in] {tongue}, my [friend|clever friend]?
            You're so [funny|clever|kind], {person} [likes|loves] you too.
            Are you [happy|tired|bored|real], [{person}|my dear]? What are you doing {day}?
        """,
        "smart_home": """
            [Turn|Switch] [on|off] the {device} {room}.
            Set the [heating|temperature|thermostat] {room} to [nineteen|twenty-one] degrees {day}.
            Is the {device} {room} still [on|switched on|off|plugged in]?
            [Dim|Turn off|Switch on] the [lights|lamps] {room} at {time}.
            [Close|Open|Lower|Raise] the [blinds|windows|shutters] {room}[ when it gets hot|].
            [Lock|Close|Unlock] the [front door|garden gate|windows] and switch everything off at {time}.
            It's too [dark|cold|bright] {room}, [turn on|dim|switch off] the [lights|heating|lamps].
            Have the {device} {room} [switch on|turn off] {day} at {time}.
            Turn the [heating|thermostat|lights] [up|down] {room} before {person} [arrives|wakes up].
            [Show|Tell] me if the [door|window|gate] {room} is [open|closed|locked].
            Did {person} [lock|close|open] the [door|shutters|windows] {room}?
            [Turn down|Switch off] the [thermostat|heating|lamps] when I leave for {city} {day}.
        """,
        "transport": """
            When does the [next|last|first] {vehicle} to {city} [leave|depart|arrive]?
            [Book|Get|Buy] me a [seat|ticket] on the {vehicle} to {city} {day}.
            How do I [get|travel|drive] from {city} to {city} by {vehicle}?
            How much is a [return|ticket|day ticket|single fare] to {city} {day}?
            Is the {time} {vehicle} from {city} [late|on time|cancelled|delayed]?
            [Order|Book|Call] a [taxi|cab|ride] to [the station|the airport|{hotel}] for {time}.
            Which [platform|stop|gate] does the {vehicle} from {city} [depart from|arrive at]?
            I have to [travel|get|drive] to {city} {day} by {time}, what's the fastest [way|route]?
            [Find|Show me] direct [routes|connections|departures] to {city} {day}.
            At which [station|stop|airport] do {person} and I change on the [way|trip] to {city}?
            How long is the [trip|route|ride|drive] from {city} to {city}[ by {vehicle}|]?
            [Plan|Show] a [trip|route|ride] to {city} that [departs|leaves|arrives] at {time}.
        """,
        "translation": """
            [How do you say|How do you spell|What is] [“{phrase}”|{phrase}] in {tongue}?
            Translate [“{phrase}”|{phrase}] [into|from] {tongue}[ for {person}|].
            What does the [word|phrase|sentence] “{phrase}” mean[ in {tongue}|]?
            What's the {tongue} [word|name|translation] for {device}?
            I need [the words|a translation|the spelling] of “{phrase}” in {tongue} {day}.
            Can you [translate|put|write] “{phrase}” into [proper|simple|everyday] {tongue}?
            How do [I|people] [say|spell|pronounce] {dish} in {tongue}?
            [Read|Say|Pronounce] the [sentence|phrase|words] “{phrase}” in {tongue} so that {person} understands.
            Is “{phrase}” [a correct sentence|the right word|a polite phrase] in {tongue}?
            My {tongue} is [rusty|bad]: how [do I say|would you translate|do I pronounce] {phrase}?
            {person} only [speaks|understands] {tongue}, [translate|say|write] “{phrase}”.
            Which language is the [phrase|word|sentence] “{phrase}”, does it mean the same in {tongue}?
        """,
        "weather": """
            What will the [weather|temperature|sky] be like[ in {city}|] {day}?
            [Is it going to|Will it] [rain|snow|freeze|be sunny] in {city} {day}?
            Do I need [an umbrella|a warm coat|sunglasses] in {city}, is it [raining|cold|sunny][ {day}|]?
            How [hot|cold|warm|windy] will it get {day} at {time}?
            [Show me|Give me|What is] the [weather|rain|snow] forecast for {city}[ {day}|].
            [Tell me|Check] whether [rain|wind|snow|sunshine] is [expected|forecast] {day}.
            Can we have dinner outside {day} at {time} or will it [rain|be too cold|be windy]?
            What's the [temperature|weather] in {city} [now|at {time}]?
            {person} wants to know if it's [sunny|raining|snowing|freezing] in {city}.
            We're taking the {vehicle} to {city} {day}, will there be [snow|wind|bad weather|rain]?
            How many [degrees|hours of sunshine|inches of snow] [are expected|are forecast] in {city} {day}?
            It's so [hot|cold|windy] {room}, will it be [sunny|warm|freezing] outside {day}?
        """,
    },
)
