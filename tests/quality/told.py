"""What one made-up person tells an assistant over eight conversations, and what bears on it.

Each exchange is what the user says, the words that the assistant's long answer turns around, and a
question that is asked weeks later, which only what the user said answers. ELSEWHERE are questions
of the same kind of person that nothing of it bears on.
"""

from typing import Final, NamedTuple


class Exchange(NamedTuple):
    said: str
    answered_about: str
    asked_later: str


CONVERSATIONS: Final[tuple[tuple[Exchange, ...], ...]] = (
    (
        Exchange(
            "I'm putting together a budget for the year. My take-home pay is about 3,400 euros a "
            "month and the rent swallows 1,150 of it. Where do I even start?",
            "monthly budget, savings, rent, income, spending categories",
            "How much of my salary goes on housing?",
        ),
        Exchange(
            "Okay, I've set up the spreadsheet. One thing that bothers me is the car, the loan "
            "still has fourteen instalments to go at 210 each.",
            "car loan, instalments, early repayment, interest, spreadsheet",
            "When will the vehicle be paid off?",
        ),
        Exchange(
            "My sister Hanna lent me 600 when the boiler broke, and I'd like to give it back "
            "before her wedding in September.",
            "repaying family loans, saving plan, instalments, deadlines",
            "Who do I still owe money to?",
        ),
        Exchange(
            "Could you explain what an emergency fund is good for? I have nothing of the sort, I "
            "always just used the credit card.",
            "emergency fund, credit card debt, three months of expenses, savings account",
            "How have I dealt with unexpected costs so far?",
        ),
        Exchange(
            "I switched the insurance to Helvetia last week, that saves me 19 a month.",
            "insurance comparison, premium, deductible, household budget",
            "Which company am I insured with now?",
        ),
        Exchange(
            "Is a savings plan on an index fund sensible for somebody who gets nervous when "
            "prices fall? I sold everything in March 2020, at the very bottom.",
            "index funds, risk tolerance, market downturn, long-term investing, savings plan",
            "What did I do with my shares in the crash?",
        ),
        Exchange(
            "From next month on there will be 250 more, I'm taking over Jonas's on-call shifts.",
            "extra income, allocation, savings rate, debt payoff",
            "Why is my income about to rise?",
        ),
    ),
    (
        Exchange(
            "I want to run the half marathon in Porto on 19 October, my first one. At the moment "
            "I manage eight kilometres without stopping.",
            "half marathon training, weekly mileage, long run, rest days",
            "What race am I training for?",
        ),
        Exchange(
            "My left knee complains after anything longer than an hour. The physio says it's the "
            "kneecap tracking badly.",
            "knee pain, physiotherapy, strengthening exercises, running form",
            "Which injury do I have to be careful about?",
        ),
        Exchange(
            "I can only train before work, so at six in the morning, and Sundays are out because "
            "of choir.",
            "training schedule, morning runs, weekly plan, recovery",
            "On which days can't I exercise?",
        ),
        Exchange(
            "What should one eat before a long run? Note that dairy doesn't agree with me at all.",
            "pre-run breakfast, carbohydrates, hydration, porridge, bananas",
            "Is there any food that I can't stomach?",
        ),
        Exchange(
            "Did the twelve kilometres on Saturday, in 1:14. Felt great until the last hill.",
            "long run, pace, hills, endurance progress",
            "What was my time over the longest distance so far?",
        ),
        Exchange(
            "I bought the Brooks shoes in the end, half a size up as you suggested.",
            "running shoes, cushioning, fit, breaking in",
            "What footwear did I decide on?",
        ),
        Exchange(
            "My colleague Tomasz will run with me, he's much faster, so I'd need a plan for not "
            "getting dragged along.",
            "pacing strategy, running partner, race day, negative split",
            "Who is coming along to the race?",
        ),
        Exchange(
            "The doctor put me on iron tablets, my ferritin was at 12.",
            "iron deficiency, ferritin, fatigue in runners, supplements",
            "What did my blood test show?",
        ),
    ),
    (
        Exchange(
            "I'm writing a small web app in Flask for our allotment club, members book the shared "
            "tools with it. Postgres behind it.",
            "Flask application, database schema, booking form, SQLAlchemy models",
            "Which framework is my project built with?",
        ),
        Exchange(
            "The login is done now. I went for magic links by mail, none of the members wants yet "
            "another password.",
            "authentication, sessions, tokens, email delivery, security",
            "How do people sign in to my application?",
        ),
        Exchange(
            "Two people could book the wood chipper at the same time yesterday. How do I prevent "
            "that?",
            "race condition, database transaction, unique constraint, row locking, booking",
            "What bug did I have with simultaneous reservations?",
        ),
        Exchange(
            "It should go live by the general meeting on 2 May, and it runs on the old Raspberry "
            "Pi in the club house.",
            "deployment, Raspberry Pi, gunicorn, nginx, backups, checklist",
            "What hardware is my site hosted on?",
        ),
        Exchange(
            "Please keep the code you show me without type hints, I find them hard to read.",
            "Python code style, readability, function signatures, examples",
            "How do I like my Python written?",
        ),
        Exchange(
            "The treasurer, Mrs Okafor, wants a list of all bookings as a file she can open in "
            "Excel at the end of each quarter.",
            "CSV export, reports, spreadsheet, scheduled job, bookings table",
            "Who asked for the quarterly report?",
        ),
        Exchange(
            "We have 86 members, of whom perhaps ten are online at the same time, so nothing "
            "fancy is needed.",
            "scaling, performance, caching, concurrent users, load",
            "How big is our club?",
        ),
        Exchange(
            "I've moved it from Postgres to SQLite after all, the Pi was too weak for it.",
            "SQLite migration, database performance, write locking, backups",
            "Which database am I using?",
        ),
    ),
    (
        Exchange(
            "We're thinking of two weeks in Japan next spring, my wife Ines and our son, who'll "
            "be seven then. Any first ideas?",
            "Japan itinerary, Tokyo, Kyoto, rail pass, family travel, cherry blossom",
            "How old will our child be on the trip?",
        ),
        Exchange(
            "Ines can't do long flights in one go because of her back, we'd want a stop of at "
            "least a night somewhere.",
            "stopover, long-haul flights, Helsinki, Doha, comfort, seat selection",
            "What do we have to mind when booking the plane?",
        ),
        Exchange(
            "I've booked: out on 28 March through Helsinki, back on 12 April.",
            "flight booking, travel dates, packing list, accommodation",
            "When do we come home from the holiday?",
        ),
        Exchange(
            "The little one is mad about trains. Is there a museum worth the detour?",
            "railway museum, Kyoto, Omiya, bullet train, children's activities",
            "What is our son enthusiastic about?",
        ),
        Exchange(
            "In Kyoto we stay in a small guest house near Fushimi, it has a bath of its own, that "
            "was important to Ines.",
            "Kyoto accommodation, ryokan, onsen etiquette, Fushimi Inari",
            "Where did we find a room in Kyoto?",
        ),
        Exchange(
            "I don't fly with the expensive camera again, it was stolen in Lima in 2019.",
            "travel photography, insurance, compact cameras, theft prevention",
            "What happened to me in Peru?",
        ),
        Exchange(
            "Nobody of us eats raw fish, that's going to be fun over there, isn't it?",
            "Japanese food, ramen, tempura, okonomiyaki, restaurant phrases",
            "What should be left off the menu for my family?",
        ),
    ),
    (
        Exchange(
            "I teach chemistry to fifteen-year-olds and would like a lesson on acids that isn't "
            "the usual lemon and litmus.",
            "chemistry lesson plan, acids and bases, experiments, red cabbage indicator",
            "What is my profession?",
        ),
        Exchange(
            "There are 28 of them in the room and only six sinks.",
            "classroom organisation, group work, stations, lab safety",
            "How many pupils are in my class?",
        ),
        Exchange(
            "The head has banned open flames since the thing with the curtains in November.",
            "lab safety, hot plates, fire regulations, demonstration experiments",
            "What am I not allowed to use in lessons any more?",
        ),
        Exchange(
            "One boy, Emre, is partly deaf. He follows well when there is something written.",
            "inclusive teaching, written instructions, visual aids, seating",
            "Which student has trouble hearing?",
        ),
        Exchange(
            "The test is on the 14th. I'd like ten questions, no multiple choice, I loathe that.",
            "exam questions, open questions, grading rubric, acids",
            "What type of exam question do I dislike?",
        ),
        Exchange(
            "It went well! The average was 2.3, last year it was 2.9 on the same subject.",
            "test results, grades, feedback, differentiation",
            "Did the results get better than the year before?",
        ),
        Exchange(
            "From August on I'm on parental leave for half a year, a Ms Lindqvist takes the class.",
            "handover, substitute teacher, parental leave, lesson documentation",
            "Who will stand in for me at school?",
        ),
    ),
    (
        Exchange(
            "Our flat has a balcony to the north, hardly any sun. What grows there?",
            "shade plants, ferns, balcony garden, hostas, containers",
            "Which direction does our terrace face?",
        ),
        Exchange(
            "It has to be harmless for cats, ours, Miso, chews on everything green.",
            "non-toxic plants, cats, spider plant, cat grass, safety",
            "What is the name of my pet?",
        ),
        Exchange(
            "Got three ferns and a fuchsia on Saturday at the market.",
            "ferns, fuchsia, potting soil, watering, humidity",
            "What did I buy for the balcony?",
        ),
        Exchange(
            "The neighbour below, Mr Brandt, complained about dripping water again.",
            "saucers, drainage, watering technique, neighbours",
            "Who is annoyed with us in the building?",
        ),
        Exchange(
            "We're away in the first half of August, is there a way of watering without asking "
            "anybody?",
            "self-watering pots, wicks, drip irrigation, holidays, clay cones",
            "When are the plants on their own?",
        ),
        Exchange(
            "The fuchsia has tiny white flies under its leaves.",
            "whitefly, pests, neem oil, sticky traps, soap solution",
            "What is wrong with one of my flowers?",
        ),
        Exchange(
            "Please answer in two or three sentences at most when it's about the plants.",
            "short answers, plant care, brevity",
            "How long should your advice on gardening be?",
        ),
    ),
    (
        Exchange(
            "I've started Portuguese for my wife's parents, they live in Coimbra and speak "
            "nothing else.",
            "learning Portuguese, vocabulary, pronunciation, spaced repetition",
            "Why am I studying a language?",
        ),
        Exchange(
            "I use an app with flashcards on the tram, twenty minutes each way.",
            "flashcards, commute, daily habit, listening practice",
            "How do I get to work?",
        ),
        Exchange(
            "What I keep getting wrong is ser and estar.",
            "ser and estar, Portuguese grammar, exercises, examples",
            "What is my weak spot in the language?",
        ),
        Exchange(
            "The exam at the institute is level A2, I've put my name down for June.",
            "A2 exam, CIPLE, practice tests, listening comprehension",
            "Which certificate am I going for?",
        ),
        Exchange(
            "My father-in-law is a retired beekeeper, so words about bees would make his day.",
            "bee vocabulary, honey, hive, conversation topics, Portuguese",
            "What did my wife's father do for a living?",
        ),
        Exchange(
            "I passed! 81 per cent, the speaking part was the best.",
            "congratulations, exam results, next level, B1, conversation",
            "How did my language test go?",
        ),
    ),
    (
        Exchange(
            "My mother is turning seventy on 3 July and I'm to organise the party, about forty "
            "guests.",
            "birthday party planning, venue, guest list, invitations, catering",
            "When is my mum's birthday?",
        ),
        Exchange(
            "She was a ship's cook for thirty years, something with the sea would be right.",
            "maritime decoration, party theme, menu, nautical",
            "What did my mother work as?",
        ),
        Exchange(
            "My brother Aleks insists on a brass band. I can't stand them, but well.",
            "brass band, live music, party budget, compromise, noise",
            "What music do I hate?",
        ),
        Exchange(
            "The boat house on the Elbe is reserved, the deposit of 300 is paid.",
            "venue booking, deposit, contract, boat house, arrangements",
            "Where will the celebration take place?",
        ),
        Exchange(
            "Aunt Vera comes in a wheelchair and there are four steps at the entrance.",
            "wheelchair access, ramp rental, venue accessibility, seating plan",
            "Which guest needs help getting in?",
        ),
        Exchange(
            "Could you draft the invitation? Friendly, not too formal, and in German please.",
            "invitation text, wording, German, RSVP, date and place",
            "In what style should the card be written?",
        ),
        Exchange(
            "We're at 34 yeses. The Kowalskis can't come, their baby is due that week.",
            "guest list, RSVP, seating, catering numbers",
            "Who turned us down and why?",
        ),
        Exchange(
            "As a present we all chip in for a week on Bornholm, she always wanted to go back.",
            "gift idea, Bornholm, group present, travel voucher",
            "What do we give her?",
        ),
    ),
)

ELSEWHERE: Final[tuple[str, ...]] = (
    "What is the capital of Mongolia?",
    "Write a haiku about thunder.",
    "How do I take a square root by hand?",
    "Explain how a transistor works.",
    "What does the idiom 'to beat around the bush' mean?",
    "Who painted the Night Watch?",
    "Translate 'the bridge is closed' into Latin.",
    "What is the difference between weather and climate?",
    "Summarise the plot of Moby-Dick.",
    "Convert 45 degrees Fahrenheit to Celsius.",
    "Why is the sky blue?",
    "Which elements are noble gases?",
    "Give me a synonym for 'quick'.",
    "How tall is Mount Kilimanjaro?",
    "What is a prime number?",
    "Who won the football World Cup in 1998?",
    "Write a regular expression that matches an IPv4 address.",
    "What causes a rainbow?",
    "How many bones does an adult human have?",
    "Explain the rules of curling.",
    "What is quantum entanglement?",
    "Recommend a classic science fiction novel.",
    "How does a refrigerator cool?",
    "What year did the Berlin Wall fall?",
    "Solve 3x + 7 = 22.",
    "What is the meaning of 'ubiquitous'?",
    "How are clouds classified?",
    "Name three rivers in South America.",
    "What does a notary do?",
    "Write a limerick about a giraffe.",
    "How do submarines dive?",
    "What is the boiling point of ethanol?",
    "Explain recursion to a beginner.",
    "Who was Ada Lovelace?",
    "What is the speed of sound in water?",
    "Tell me a joke about penguins.",
    "How does a bill become a law in the United States?",
    "What is photosynthesis?",
    "Give me a list of palindromes.",
    "What does 'e.g.' stand for?",
    "How is paper made?",
    "Which planet has the most moons?",
    "Explain inflation in simple terms.",
    "How do vaccines work?",
    "What is the Pythagorean theorem?",
    "Describe the life cycle of a frog.",
    "What language is spoken in Brazil?",
    "How does GPS find a position?",
    "What is a haiku's syllable pattern?",
    "Who discovered penicillin?",
    "How do I centre a div on a page?",
    "Can I freeze cooked rice?",
    "How do I undo my last git commit?",
    "Why does my compiler say 'undefined reference'?",
    "How do I remove red wine from a tablecloth?",
    "What does my horoscope sign Libra stand for?",
    "How can I tell whether an egg is fresh?",
    "Where can I look up the pronunciation of a word?",
    "Should I capitalise the seasons in English?",
    "How do I convert a PDF to plain text?",
)
