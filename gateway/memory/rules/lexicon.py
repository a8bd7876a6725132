"""The words and turns of phrase that the tables of rules are written with, in their notation.

Each entry is a name and what it stands for; `grammar` puts it wherever a pattern says {name}.
"""

# How English says who, whether and how much.
GRAMMAR = r"""
I
    I {adverb}
adverb
    ((?!(family|reply|only|fly|rely|apply|supply|early)\b)\w+ly |just |also |still |even |now |
    much |quite |rather |pretty |so |very |too |kinda |kind of |sort of |a bit |a little |bit |
    both |all |most |far |well |do (?!not\b)|super |deathly |for the most part |at times |
    sometimes |often |always )*
not
    ((do|did|can|could|will|have|am) not |no longer |never )?
name
    ["']?(name=(?-i:[A-Z])[\w'.-]*( (?-i:[A-Z])[\w'.-]*){0,3}|
    [^\W\d_][\w'-]*(?=$|["',.!;]|\sand\b))
proper
    (name=(?-i:[A-Z])[\w'-]*( (?-i:[A-Z])[\w'-]*){0,2})
number
    (\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|no|some|several|many|twin|our|my)
words
    ((?!(of|to|for|with|that|in|on|about|from|as|or|who|which|the|by|at|because|if|is|are|was|this|
    that|these|those|your|another|much)\b)[\w'.&-]+,? ){0,4}?
named
    (,? (named|called|whose name is|by the name of) {name}((,|,? and) (?-i:[A-Z])[\w'-]*)*)?
some
    ((any )?{number} {words}|any |(young|small|little|grown|older|adult|teenage|indoor|outdoor|
    rescue|pet) )?
pointing
    (((\w+ing|getting to \w+) (to |at |for )?|all )?(it|its|it's|this|that|these|those|them|they|
    their|him|her|hers|his|he|she|you|your|yours|u|ya|ur|us|how|what|when|where|why|who|whoever|
    which|whether|here|there)|if|as|being here|everything|something|nothing|everyone|everybody|
    someone|such|so|and|or|every|one|ones|out|often|much|once|our friendship|(just |an? )?(few|
    couple)( of)? times|(to )?(hear|see|think|say|know|believe|admit|ask|bother|be able|point out|
    share|start by|help))\b
the
    (all )?the (?!([\w-]+ (and \w+ )?of (?!(the|this|that|these|those|your|my|our|it|his|her|
    their)\b)\w+|([\w-]+ ){1,5}(trend|craze|fashion|aesthetic|culture|genre|industry)\b|
    colou?rs? (?!(and|of|in|is|on|here|you)\b)\w+|beach|mountains?|ocean|sea|outdoors|countryside|
    cold|heat|rain|snow|sun|winter|summer|spring|autumn|fall|gym|city|piano|guitar|violin|drums|
    cello|flute|sauna|opera|theat(er|re)|cinema|movies|library|news|radio|internet|subway|bus|
    train|water|desert|forest|woods|weekends?|great outdoors|simple things|little things|arts|
    dentist)\b)
stated
    (?!{pointing}|{the})
object
    {stated}(object=\S.*)
brief
    {stated}(object=\S.{0,80}?)
"""

# The people, places and things of a life.
LIFE = r"""
demonym
    (American|British|English|Scottish|Welsh|Irish|Canadian|Australian|New Zealander|German|French|
    Spanish|Italian|Portuguese|Dutch|Belgian|Swiss|Austrian|Danish|Swedish|Norwegian|Finnish|
    Icelandic|Polish|Czech|Slovak|Hungarian|Romanian|Bulgarian|Greek|Turkish|Russian|Ukrainian|
    Belarusian|Lithuanian|Latvian|Estonian|Serbian|Croatian|Slovenian|Bosnian|Albanian|Georgian|
    Armenian|Israeli|Lebanese|Syrian|Iraqi|Iranian|Persian|Saudi|Egyptian|Moroccan|Tunisian|
    Algerian|Nigerian|Kenyan|Ethiopian|Ghanaian|South African|Indian|Pakistani|Bangladeshi|
    Sri Lankan|Nepali|Chinese|Taiwanese|Japanese|Korean|South Korean|Vietnamese|Thai|Filipino|
    Indonesian|Malaysian|Singaporean|Mexican|Brazilian|Argentinian|Argentine|Chilean|Colombian|
    Peruvian|Venezuelan|Cuban|Jamaican|European)
language
    (English|German|French|Spanish|Italian|Portuguese|Dutch|Danish|Swedish|Norwegian|Finnish|
    Polish|Czech|Hungarian|Romanian|Bulgarian|Greek|Turkish|Russian|Ukrainian|Arabic|Hebrew|
    Persian|Farsi|Hindi|Urdu|Bengali|Tamil|Telugu|Punjabi|Chinese|Mandarin|Cantonese|Japanese|
    Korean|Vietnamese|Thai|Indonesian|Malay|Tagalog|Swahili|Latin|Catalan|Esperanto|Irish|Welsh|
    sign language|Serbian|Croatian|Slovak)
creed
    (Christian|Muslim|Jewish|Hindu|Buddhist|Catholic|Protestant|atheist|agnostic|Sikh|Jain|Mormon|
    Orthodox|Quaker|Baptist|Lutheran|Methodist)
job
    ([\w-]+(ologist|ographer|ician|ineer|onomist|opher|smith|eopath)|(engineer|developer|
    programmer|teacher|professor|lecturer|tutor|nurse|doctor|physician|surgeon|dentist|pharmacist|
    vet|veterinarian|lawyer|attorney|paralegal|judge|accountant|auditor|banker|analyst|consultant|
    manager|director|executive|assistant|secretary|receptionist|clerk|cashier|salesperson|salesman|
    saleswoman|realtor|broker|trader|designer|architect|artist|painter|illustrator|sculptor|
    musician|singer|guitarist|pianist|drummer|actor|actress|dancer|writer|author|journalist|editor|
    translator|interpreter|photographer|videographer|filmmaker|chef|cook|baker|barista|bartender|
    waiter|waitress|server|farmer|gardener|fisherman|butcher|carpenter|plumber|mechanic|welder|
    driver|trucker|pilot|flight attendant|sailor|soldier|officer|policeman|police officer|cop|
    firefighter|paramedic|scientist|researcher|chemist|mathematician|statistician|economist|
    therapist|counsel+or|social worker|psychologist|psychiatrist|coach|trainer|student|undergrad|
    undergraduate|freshman|sophomore|postdoc|phd candidate|phd student|intern|apprentice|librarian|
    archivist|historian|philosopher|priest|pastor|imam|rabbi|nun|monk|freelancer|contractor|
    entrepreneur|founder|co-founder|ceo|cto|cfo|coo|vp|president|owner|investor|landlord|recruiter|
    administrator|sysadmin|devops|data scientist|product owner|project manager|scrum master|
    technician|operator|supervisor|foreman|builder|stylist|hairdresser|barber|
    beautician|nanny|babysitter|caregiver|carer|housewife|househusband|homemaker|stay-at-home (mom|
    mum|dad|parent|mother|father)|influencer|blogger|streamer|youtuber|podcaster|marketer|
    copywriter|strategist|planner|florist|tailor|seamstress|jeweler|veteran|retiree|pensioner|
    self-employed|retired|athlete|footballer|cyclist|midwife|optometrist|
    physiotherapist|radiographer|dietitian|nutritionist|postman|mailman|courier|politician|diplomat|principal|superintendent|advisor|adviser|agent|
    representative|rep|specialist|coordinator|worker|employee|civil servant|
    teaching assistant|educator|instructor|choreographer|producer|composer|dj|comedian|model))
partner
    (wife|husband|spouse|partner|girlfriend|boyfriend|fianc[eé]e?|gf|bf|hubby|ex(-(wife|husband|
    girlfriend|boyfriend))?)
parent
    ((step|grand|god|great-?grand)?-?(mother|father|parents?|mom|mum|dad|ma|pa)(-in-law)?|grandma|
    grandpa|granny|gran|nana|mommy|daddy)
child
    ((step|grand|god)?(son|daughter|child|kid|baby)(-in-law)?)
kin
    ((half-|step|twin )?(brother|sister)(-in-law)?|sibling|twin|uncle|aunt(ie|y)?|cousin|niece|
    nephew|best friend|roommate|flatmate|housemate)
pet
    (dog|puppy|pup|cat|kitten|kitty|rabbit|bunny|hamster|guinea pig|gerbil|ferret|horse|pony|
    parrot|parakeet|budgie|cockatiel|canary|bird|fish|goldfish|turtle|tortoise|snake|lizard|gecko|
    iguana|chicken|hen|goat|sheep|cow|donkey|alpaca|pig|hedgehog|chinchilla|axolotl|
    golden retriever|labrador|lab|poodle|beagle|bulldog|french bulldog|german shepherd|husky|corgi|
    dachshund|chihuahua|border collie|pug|rottweiler|terrier|
    greyhound|whippet|dalmatian|schnauzer|setter|mastiff|doberman|retriever|
    pit ?bull|collie|spaniel|shih tzu)
relatives
    (object=(step)?(sons?|daughters?|brothers?|sisters?|siblings?|cousins?|nieces?|nephews?|
    grandchild(ren)?|grandkids|grandsons?|granddaughters?|twins?|wife|husband|partner|girlfriend|
    boyfriend|fianc[eé]e?|roommates?))
belonging
    (car|truck|van|suv|motorcycle|motorbike|bike|bicycle|e-bike|scooter|boat|yacht|rv|camper|house|
    home|apartment|flat|condo|cottage|cabin|farm|garden|allotment|greenhouse|pool|balcony|piano|
    guitar|violin|ukulele|drum kit|cello|keyboard|laptop|desktop|computer|pc|macbook|mac|imac|
    chromebook|phone|iphone|ipad|android|tablet|kindle|e-reader|console|playstation|xbox|switch|
    nintendo switch|tv|television|camera|dslr|drone|printer|3d printer|smartwatch|apple watch|
    fitbit|air fryer|instant pot|slow cooker|oven|sauna|hot tub|espresso machine|coffee machine|
    telescope|sewing machine|treadmill|peloton|vinyl collection|record player|raspberry pi|homelab|
    nas|server|gpu|tesla|honda|toyota|ford|bmw|volvo|prius|subaru|mazda|audi)
condition
    ((type (1|2|one|two|i|ii) )?diabetes|prediabetes|asthma|adhd|add|autism|dyslexia|dyscalculia|
    epilepsy|arthritis|rheumatoid arthritis|osteoporosis|anxiety|depression|bipolar( disorder)?|
    ptsd|ocd|insomnia|sleep apn(o)?ea|migraines?|tinnitus|eczema|psoriasis|rosacea|hypertension|
    high blood pressure|low blood pressure|high cholesterol|heart (disease|condition|problems?|
    failure)|celiac( disease)?|coeliac( disease)?|crohn'?s( disease)?|ibs|ibd|ulcers?|acid reflux|
    gerd|gout|anemia|lupus|fibromyalgia|multiple sclerosis|ms|cancer|parkinson'?s( disease)?|
    scoliosis|sciatica|pcos|endometriosis|hypothyroidism|hyperthyroidism|(a )?thyroid \w+|
    hay fever|vertigo|glaucoma|astigmatism|chronic [\w -]+?|(an? )?(bad|weak|injured|sore) (back|
    knees?|hips?|shoulders?|ankles?|wrists?|heart)|(an? )?(back|knee|hip|shoulder|joint|kidney|
    liver|lung|respiratory|skin|autoimmune|heart|genetic|medical|mental health) (problems?|issues?|
    conditions?|disorder|disease|pain)|high blood sugar|long covid|(a )?pacemaker|a disability|
    hearing loss|\w+phobia|carpal tunnel|plantar fasciitis|hemophilia|haemophilia|
    narcolepsy|(an? )?eating disorder|raynaud'?s|sensory (issues|processing \w+))
traits
    (diabetic|asthmatic|dyslexic|colou?r-? ?blind|deaf|blind|hard of hearing|epileptic|autistic|
    neurodivergent|left-handed|right-handed|ambidextrous|pregnant|celiac|coeliac|prediabetic|
    immunocompromised|visually impaired|hearing impaired|near-?sighted|far-?sighted|short-sighted|
    wheelchair-bound|an? insomniac|a diabetic|anemic|hypertensive|disabled|a wheelchair user|
    bipolar|sober)
school
    (university|college|school|uni|academy|institute|kindergarten|high school|grad school|
    graduate school|law school|med(ical)? school|business school|bootcamp)
degree
    (degrees?|ph\.?d\.?|doctorate|master'?s?|bachelor'?s?|mba|diploma|msc|bsc|ma|ba|associate'?s|
    certification|certificate|licen[cs]e|a-levels|ged)
venture
    (business|company|startup|start-up|bakery|shop|store|studio|restaurant|caf[eé]|farm|agency|
    firm|blog|channel|podcast|practice|clinic|salon|gym|bookshop|bar|pub|hotel|b&b|hostel|charity|
    ngo|nonprofit|school|newsletter|brand|etsy|label|franchise|consultancy|food truck|brewery|
    vineyard|winery|gallery|nursery)
gone
    (no longer |(do|am) not )?
nowhere
    (?!(fear|hope|denial|peace|harmony|a bubble|the moment|the past|the present|this|that|it|such|
    my head|a world|a dream|a society)\b)
elsewhere
    (?!(the moment|home|night|nights|this|that|it|them|him|her|you|now|least|first|hours|a living|
    free|days|years|weeks|months|myself|me|all|some time|a while|an? (few|couple|long|very)|\d|
    my (desk|own))\b)
settled
    (?!(the )?(next|second|third|final|another|step|section|chapter|using|a new (job|team|role|
    phone|method|approach|computer|laptop)|first|last|previous|top|bottom|left|right|back|front)\b)
bought
    (own|have|drive|ride|lease|rent|bought|purchased|got|inherited|just bought|just got|do not own|
    do not have|no longer have|sold|have got)
person
    ({partner}|{parent}|{child}|{kin}|boss|manager|therapist|doctor|neighbou?r)
whose
    ((older|younger|elder|eldest|oldest|youngest|little|big|late|new|first|second|middle|twin|old|
    beloved|dear|adopted|ex) |(\d+|\w+)[- ]?(year|month)s?[- ]old )?
"""

# What a person may feel about a thing, and do with it.
TASTE = r"""
taste
    (love|like|enjoy|adore|prefer|favou?r|appreciate|hate|dislike|detest|loathe|despise|avoid|
    abhor|shun|value|prioriti[sz]e|cherish|treasure|oppose|boycott|fear|distrust|dread|resent|
    fancy|dig|can't stand|mind|support|advocate for|believe in|care (deeply |a lot )?about|
    stick to|opt for|gravitate to(wards?)?|lean to(wards?)?|subscribe to|adhere to|abide by|
    insist on|swear by|root for|stay away from|steer clear of|stay clear of|keep away from|
    shy away from|rely on|look forward to|abstain from|refrain from|struggle with|favor|frown upon|
    thrive (in|on)|stand against|long for|crave|care for|require)
habit
    (eat|drink|wear|buy|use|watch|read|listen to|listen|shop|travel|fly|stay|dine|work|drive|
    consider|purchase|consume|order|avoid|cook|bake|play|visit|attend|go|take|ride|run|swim|walk|
    hike|exercise|train|sleep|wake|get up|go to|book|choose|pick|select|opt|adopt|feed|own|keep|
    follow|support|trust|do(?! not)|participate in|engage in|join|share|rent|study|write|live|
    commute|bring|carry|pack|pay|tip|spend|save|invest|subscribe|vote|watch out|learn|start|finish|
    celebrate|skip|put|add|smoke|meditate|pray|fast|bike|cycle|camp|ski|date|hire|accept|tolerate|
    trust|charge|recycle|donate|volunteer|plan|prefer|enjoy|like|love|answer|check|schedule)
frequently
    (always|never|usually|rarely|seldom|hardly ever|hardly|often|generally|typically|normally|
    mostly|mainly|primarily|exclusively|only|strictly|frequently|regularly|tend to|tend not to|
    sometimes|occasionally|no longer|do not|will not|will only|would never|will never|can only|
    try to only|refuse to|decline to|only want to|only ever|make sure to|always try to|prefer to|
    prefer not to|never ever|try to avoid|do not usually|do not normally|
    do not typically|do not generally|do not ever)
regularly
    \b(every|each|twice|once|daily|weekly|monthly|on (weekends?|\w+days?)|
    most (days|mornings|evenings|nights|weekends)|\w+ times (a|per|each)|
    in the (mornings?|evenings?|afternoons?)|at night|before bed|after work|for (breakfast|lunch|
    dinner|fun|exercise|work))\b
towards
    (preferences?|aversion|dislike|distaste|hatred|love|passion|fear|phobia|objections?|bias|
    weakness|soft spot|interest|sensitivit(y|ies)|intolerance|allerg(y|ies)|tolerance|fascination|
    appreciation|affinity|disdain|loathing|obsession|penchant|fondness|desire|patience|appetite|
    craving|dread|hate|opposition|skepticism|distrust|enthusiasm|preference)
feeling
    (into|keen on|passionate about|interested in|uninterested in|disinterested in|fond of|
    obsessed with|fascinated by|crazy about|mad about|averse to|opposed to|against|in favou?r of|
    comfortable (with|in|on|around)|uncomfortable (with|in|on|around|when)|(un)?comfortable|
    scared of|afraid of|terrified of|frightened of|petrified of|sensitive to|intolerant (of|to)|
    hooked on|addicted to|particular about|picky about|selective about|strict about|drawn to|
    partial to|wary of|skeptical (of|about)|bored by|bothered by|turned off by|put off by|
    disgusted by|repulsed by|attracted to|committed to|dedicated to|devoted to|loyal to|
    conscious (of|about)|concerned about|huge on|big on|enthusiastic about|indifferent to|
    enamou?red with|phobic of|claustrophobic in|open to|all about|accustomed to|used to|devoted to|
    wild about|nuts about|at ease with|better with|ok(ay)? with|unwilling to|not willing to)
admirer
    (fan|lover|enthusiast|advocate|supporter|proponent|admirer|believer|connoisseur|follower|
    devotee|opponent|critic|addict|buff|aficionado|geek|nerd|junkie|snob|purist|collector|person|
    hater|fanatic)
evaluation
    (\w{2,}(ing|ive|ful|less|able|ible|ous|ic|ical|ish|some)|(too|very|really|extremely|
    overly) \w+|boring|scary|creepy|tacky|cheesy|itchy|noisy|messy|lazy|silly|unhealthy|unnatural|
    fake|loud|hard|difficult|easy|easier|dull|slow|cruel|harsh|bland|gross|bad|great|harder|tough|
    fun|pointless|better|worse|best|unappealing|off-putting)
limit
    (avoid(ing)?|stay away from|limit|watch|cut out|cut down on|steer clear of|refrain from|
    abstain from|be careful with|skip)
diet
    (object=vegan|vegetarian|pescatarian|pescetarian|omnivore|carnivore|flexitarian|fruitarian|
    plant-based|veggie)
regime
    (object=((low|high|no|zero|reduced)[- ]\w+|[\w-]+[- ]free|halal|kosher|keto(genic)?|paleo|
    mediterranean|dash|fodmap|raw( food)?|whole30|carnivore|jain|ayurvedic|diabetic|cardiac|renal|
    liquid|macrobiotic|intermittent fasting|whole[- ]foods?)( [\w-]+)?)
"""
