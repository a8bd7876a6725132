"""Who the user is, where, with whom, doing what and owning what: wordings of a lasting state.

The same table reads what is said of the user's relations and pets, put into the first person.
"""

from gateway.memory.model import Kind
from gateway.memory.rules.grammar import table

FACTS = table(
    r"""
name
    my (full |first |real |given |legal |preferred )?(nick)?name (is|was) (not )?(?!(not|a|the|on|
        in|too|very|so|spelled|pronounced|hard|different|called)\b){name}
name.{object}
    my (object=last|sur|middle|maiden|nick|user|online)[ -]?name is {name}
name
    {I}am (called|named) {name}
name.called
    ({I}go by|(everyone|everybody|people|friends|my friends|my family|they) (all |usually |
        just )?calls? me) (?!(the|a|in|to|for|when|by|with|my)\b){name}
age
    {I}am (about |almost |nearly |only |a |an |turning |now )*([1-4](?=[ -]?(year|yr|yo|y/o|
        month))|[5-9]|[1-9]\d|1[01]\d)([ -]?(years?|yrs?|months?)[ -]?(old|of age|young)\b| ?(yo|
        y/o)\b|$|[.,;!)]| and\b| now\b| this year\b| next \w+)
    ({I}(turned|am turning|will turn|will be turning) ([5-9]|[1-9]\d|1[01]\d)\b(?! (of|degrees|
        percent|%))|my age is|{I}am in my (early |mid |late |mid-|late-|early-)*(teens|twenties|
        thirties|forties|fifties|sixties|seventies|eighties|\d0s))
birthday
    (my (birthday|bday|b-day|date of birth|dob|birth ?date) (is|falls)\b(?! (coming|over|soon|
        great|the best))|I was born (on (the )?\w*\d|in (january|february|march|april|may|june|
        july|august|september|october|november|december)\b))
birth year
    {I}was born in (19|20)\d\d\b
pronouns
    (my (preferred )?pronouns are|I (use|go by|prefer) (the )?(pronouns )?(she|he|they|xe|ze|
        it)/?\w*/?\w*( pronouns)?($|[,.; ]))
nationality
    ({I}am (half |part |originally |of |a |an |proudly )*(?-i:{demonym})( (citizen|national|expat|
        immigrant|by birth|descent|origin|and|but|living)\b.*)?[.,;!]?$|my nationality is|
        {I}have (dual |an? )?(\w+ )?citizenship)
religion
    {I}am (an? )?(practi[cs]ing |devout |lapsed |religious |observant |\w+ly )*{creed}\b
speaks:{object}
    {I}am (fluent in|(an? )?(native|fluent) (speaker of )?) ?(object={language})
    {gone}{I}(do not )?(can |only )?speak {adverb}(fluent |basic |some |a little |a bit of |
        broken |enough |only |native )*(object={language}.*)
native language
    my (native|first|mother|second|third) (language|tongue) is
learns:{object}
    {I}(am {adverb}(trying to )?(learn|learning|teaching myself|taking (up|lessons in|classes in))|
        have been learning|(have )?(started|begun) (learning|to learn)|want to learn) (how to |to |
        about )?(?!(a lot|a ton|tons|lots|so much|much|more|from|by|something|new things|as|
        and)\b){object}
home.place
    {I}{gone}{adverb}(live|reside|am {adverb}(living|residing|based|located)|have lived(?=.* (for|
        since|all|my whole)\b)|have been living|am settled) {adverb}((out |over |back |down |up |
        just )?(in|near|outside( of)?|on|at|close to|by|around|off|between|across) {nowhere}(?=\S)|
        abroad|overseas|downtown|rurally)
    my (home|house|flat|apartment) is (in|near|at) {nowhere}(?!(danger|a mess|order|ruins|need)\b)\S
    {I}(have )?{adverb}(moved|relocated|emigrated|immigrated) {adverb}(back |over |out |up |down |
        here |away |house )*(to|into|from|out of) {settled}(\S)
home.birthplace
    {I}(was|am) (born( and (raised|bred))?|raised) in
home.origin
    ({I}(am (originally )?from|come from) (?!(a (place|different)|the (same|other|future)|there|
        here|it|this|that|work|home)\b)\S|my home ?(town|country|city) is\b)
home.childhood
    {I}(grew up|was raised) (in|on|near) (?!(a time|the same)\b)\S
home.household
    {I}{gone}(live|am living|share (a|an) (\w+ )?(flat|apartment|house)) (alone|with|by myself|
        on my own)\b(?! (it|this|that|the fact)\b)
home.address
    my (home |current |new |mailing |postal |street |work )?address is\b
home.timezone
    my time ?zone is|I am in (the )?(\w+ time|UTC[+-]?\d*|GMT[+-]?\d*|[CEPM][SDE]?T) ?(time ?)?zone
work.title
    {I}{gone}{adverb}(work|am working|am employed) {adverb}(full[- ]time |part[- ]time )?as (an? |
        the )?(?=\S)
    {I}(have )?{adverb}(started|begun|got|landed|accepted|took|found) (working|(a |my |the )?(new |
        first |dream |full-time |part-time )*(job|work|position|role)) as\b
    {I}(have been|was|got|have just been|just got|have) (recently |just )?(promoted|hired|
        appointed) (to|as)\b
work.employer
    {I}{gone}{adverb}(work|am working|am employed|intern|am interning|have (worked|
        been working)) {adverb}(full[- ]time |part[- ]time |remotely |mainly )*(at|for|with|
        by) {elsewhere}(?=(an? |the |my )?[\w&])
    {I}(have )?{adverb}(started|begun|got|landed|accepted|took|found) (working|(a |my |the )?(new |
        first |dream |full-time |part-time )*(job|work|position|role|internship)) (at|for|with|
        in)\b
    {I}(have )?{adverb}(quit|left|lost|resigned from|got fired from|was fired from|
        was laid off from|got laid off from) (my|the) (\w+ )?(job|position|company|firm|role)\b|
        {I}(was|got|have been) (laid off|fired|let go|made redundant)
    my (employer|company|workplace|firm) is (called |named )?{proper}
work.title
    {I}\w+ (?!(this|that|it)\b)([\w'-]+ ){1,5}for a living\b
    {I}{gone}teach (?!(you|him|her|them|myself|it|my|me|us|that|this)\b)\S
    my (current |day |new )*job is (to \w+|(?!(bor|kill|stress|drain|tir|exhaust|demand|
        go)ing)\w+ing (?!(me|and|but)\b)\w)
    {I}(have )?{adverb}(started|begun) as an? {words}{job}\b
    my (current |day |new )*(job title|occupation|profession|job) is ((an? )?{words}{job}\b|
        (called|as) )
    {I}(am|have been|became) {adverb}(not |no longer )?(an? |the )(?![^,;.]*\b(at heart|to be|fan|
        lover|beginner|amateur|hobby|wannabe|aspiring|terrible|bad|lousy|
        hobbyist)\b)([\w/+#-]+,? (and )?){0,4}?({job})\b(?! (of (my|this|the) (own|life)|fan|lover|
        myself once))(?<!best model)(?!')
    {I}am {adverb}(currently )?(retired|self-employed|unemployed|between jobs|out of work|
        on (maternity|paternity|parental|sick) leave|freelancing|job[- ]hunting)\b
work.hours
    {I}{gone}{adverb}work {adverb}(nights?\b|night shifts?|shifts|part[- ]time|full[- ]time|
        weekends|nine to five|9[- ]to[- ]5|long hours|\d+ (hours|days)|early shifts|the \w+ shift)
work.mode
    {I}{gone}{adverb}work (from home|from (a|an|my|the) \w+|remotely|freelance|hybrid)
work.place
    {I}{gone}{adverb}work in (?-i:[A-Z])(?![A-Z]|T\b)
work.field
    {I}{gone}{adverb}work in (?!(this|that|it|a (team|group)|progress|teams|groups|silence|pairs|
        batches|here|general|bursts|collaboration)\b)\S
work.business
    {I}(run|own|manage|founded|co-?founded|started|have started|am starting|opened|am opening|
        have) (an? |my own |my |our (own )?|the ){words}{venture}\b(?! (trip|card|idea|plan|bag|
        meeting|question|project|assignment|day|year|supplies))
study.field
    {I}{gone}{adverb}(study|major in|minor in|am majoring in|am studying|am pursuing|
        am reading for|am doing (an?|my) (ph\.?d|master|bachelor|degree|mba)\S*( in)?) (?!(for|
        the (following|text|above)|hard|this|that|it|how|your|a lot|at night|in the|with|by|on|
        and)\b)(at )?(?=\S)
study.school
    {I}(go to|attend|am enrolled (at|in)|am (a student )?at|study at|am in) (an? |
        the )?{words}{school}\b
study.year
    {I}(am in|just started|started|am starting) (my )?(\w+ (year|semester|grade)( of)?|(freshman|
        sophomore|junior|senior|final|first|second|third|fourth) year|grade \d+)\b(?! (of this|
        here))
study.degree:{value}
    {I}(have|hold|got|earned|received|completed|finished|did|obtained) (an? |my |two |
        both )*{words}{degree}\b(?! of (freedom|confidence))(value= (in|from|at|of|and)\b.*|
        [.,;!]?$)
    {I}(have )?{adverb}graduated\b(value=.*)
family.status
    {I}am {adverb}(happily |newly |recently |still |not |no longer )*(married|single|divorced|
        widowed|separated|in a (\w+[ -]?\w* )?relationship|dating|engaged|a widow|
        a widower)\b(?![ -](in|with (the|this)|handed|threaded|most|biggest|source|page|best)\b)
    {I}(have )?{adverb}(got|am getting|have been|have gotten|was) {adverb}(married|divorced|
        engaged|separated)\b
family.parent
    {I}(am|became|just became) {adverb}(an? |the ){words}(mother|mom|mum|father|dad|parent|
        grandmother|grandfather|grandma|grandpa|stepmom|stepdad|stepmother|stepfather)\b( (of|to|
        with|and)\b.*|[.,;!]?$| (now|myself|again))
family.children
    {I}(do not )?(have|am raising|have got) {some}(kids?|children|child|toddlers?|teenagers?|
        family with|family)\b(?! (history|doctor|dinner|friend|member|gathering|meeting|recipe|
        event|emergency|trip|reunion|tree|to|in town))
family.siblings
    {I}am (the|an?) ((youngest|oldest|eldest|middle|second|third|only) (child|sibling|of {number}
        \w*)|only child)
relation:{object}:{name}
    {I}(do not )?(have|am raising|have got) {some}{relatives}\b{named}(?! (who (wants|needs|
        asked))|\S*'s)
health:pregnant
    {I}am (\w+ (weeks?|months?) )?(pregnant|expecting (a (baby|child|girl|boy)|our|twins|$))
pet:{object}:{name}
    {I}(do not )?(have|own|got|adopted|rescued|bought|keep|have got|have adopted|just got|
        just adopted|am fostering) {adverb}{some}(object={pet})(s|es)?\b{named}(?! (for you|food|
        person|lover|allergy|bed|toy|walker|fan|collar|house|sitter|tank|park|show))
owns:{object}
    my (object={belonging}) is (an? |the )(?!(bit|little|mess|problem|lot)\b)\S
owns:car
    {I}drive (an? |my )(object=\S.*)
owns:{object}
    {I}{bought} (an? |my own |two |three |the |some )((?!(question|problem|issue|idea|
        meeting)\b)[\w'/.-]+,? ){0,5}?(object={belonging})s?\b(?! (company|payment|accident|
        problem|issue|loan|insurance|shop|party|trip|game|question|project|repair|warming|number|
        call|interview|charger|case|ride|file|app|code|update|wash|show))
    {I}(do not )?own (?!(up|it|this|that|the (fact|problem))\b){object}
health:{object}
    {I}(do not )?(have|have got|suffer from|live with|was diagnosed with|have been diagnosed with|
        got diagnosed with|struggle with|am living with|am recovering from|
        have always had) {adverb}(an? |severe |mild |bad |chronic |extreme |terrible |really |
        acute |been )*(object={condition})(?=$|[ ,.;!])
    {I}am {adverb}(not |no longer )?{adverb}(object={traits})\b
    {I}(take|am on|am taking) (object=insulin|metformin|antidepressants|blood thinners|
        birth control|statins|medication|warfarin|ssris|beta blockers|(\w+ )?medication(s)?) ?(for|
        because|due to|daily|every|to|$)
health:blood type
    my blood (type|group) is
body.height
    {I}am (about |around |only |nearly )*\d[\d.,'\"]* ?(cm|centimet(er|re)s|m|met(er|re)s|feet|
        foot|ft|inches|'|\")( ?\d+\"?)?( tall)?\b
body.weight
    {I}weigh (about |around |only |nearly )*\d
{object}
    my (object=shoe size|dress size|clothing size|shirt size|height|weight|blood pressure|
        zodiac sign|star sign|religion|email( address)?|phone number|number|major|degree|
        nationality|school|university|college|operating system|os|budget for \w+|skin type|
        hair (color|colour|type)|eye (color|colour)|native country|ethnicity|work schedule|
        schedule|commute|stack|tech stack|editor|github( username)?|twitter( handle)?|
        instagram( handle)?) (is|are)\b (?!(not working|broken|wrong|bad|too|very|so|really|a mess|
        crazy|hectic|annoying|mad|great|good|being|like|the best|always|also|still|my)\b)\S
    my (object=boss|manager|doctor|therapist|dentist|landlord|bank|gym|team|club|teacher|
        supervisor) is (called |named )?{proper}
experience:{value}
    {I}have (about |over |around |almost |more than |nearly )*(\d+\+?|{number}) (years?|months|
        decades?)('|s')? (of )?(\w+ ){0,3}?experience( (in|with|as|of) (value=.+))?
skill:{object}
    {I}am (\w+ly |quite |very |pretty |really |so |still |not )*(new to|an? (complete |total |
        absolute )?(beginner|novice|expert) (in|at|with)|experienced (in|with)|proficient (in|with|
        at)|skilled (in|at|with)|good at|bad at|terrible at|great at|certified in|familiar with|
        unfamiliar with) {object}
goal:{value}
    my (main |biggest |big |ultimate |long-term |short-term |current |next |fitness |career |
        new year'?s |lifelong |\w+ )?(goal|dream|ambition|resolution|aspiration|life goal|
        dream job|bucket list) (is|for (this|next) (year|month) is|
        this year is) (value=(?!(for you|that you|to (get|make|have|fix|write|find|understand|
        know) (this|the|it|an?)|not|here|this|the following)\b)\S.*)
goal:{object}
    {I}(am|have been|started|have started|am currently) (training|saving( up)?|preparing|
        studying) for (?!(this|that|it|you)\b)(object=\S.*)
plan:{object}
    {I}am {adverb}(planning|organi[sz]ing) (an?|my|our) {words}(object=(trip|vacation|holiday|
        wedding|honeymoon|move|party|birthday|road trip|retirement|baby shower|reunion|visit|
        garden|renovation|cruise|retreat)\b.*)
goal:{object}
    {I}am {adverb}trying to (quit|stop|lose|gain|cut down|cut back|eat (more|less|health\w+)|
        get (pregnant|in shape|fit|healthier)|save (money|up)|conceive|become|give up)\b(?! (this|
        the (error|process|program))\b)(object=.*)
uses:{object}
    {I}use (an? )?(object=(?-i:[A-Z0-9])[\w.+#-]*( (?-i:[A-Z0-9])[\w.+#-]*){0,3}((,| and|
        , and) (?-i:[A-Z0-9])[\w.+#-]*){0,3})( (at work|for (work|school|everything|all|most|my|
        development|programming|coding|web|data)|as my|every day|daily|on my|primarily|mainly|
        mostly)\b.*)?[.!]?$
""",
    Kind.FACT,
)

# A bare "I'm Sam" is a name only where it could be nothing else, and when nothing else reads it.
INTRODUCTION = table(
    r"""
name
    I am (?!(sorry|fine|good|great|glad|happy|sad|tired|sick|sure|afraid|ok|okay|back|here|there|
        done|ready|busy|curious|confused|excited|bored|hungry|lost|stuck|new|just|not|so|very|
        really|also|still|now|currently|gay|lesbian|bi|trans|straight|vegan|vegetarian|{creed}|
        {demonym})\b)(?!\w+(an|ese|ish|ic|ed|ing|ive|ful|ous|less|able|ist)\b)
        (?-i:[A-Z][a-z'-]+( [A-Z][a-z'-]+){0,2})([.!]?$|, (an? |the |from |your |
        and |(nice|pleased|good|great|happy) to )| from )
""",
    Kind.FACT,
)
