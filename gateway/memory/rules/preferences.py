"""What the user likes, avoids, cannot have and tends to do: wordings of an explicit preference.

A polarity is not part of the slot: loving and hating coffee fill one, so the newer word holds.
"""

from gateway.memory.model import Kind
from gateway.memory.rules.grammar import regex, table

PREFERENCES = table(
    r"""
allergy:{object}
    {I}{not}{adverb}am {adverb}(not |no longer )?{adverb}allergic to {object}
    {I}(do not )?(have|suffer from|developed) (an? |any |no )?(([\w-]+ly|severe|bad|mild|strong|
        serious|seasonal|slight|terrible|deadly|known|life-threatening) )*(object=(?!(severe|bad|
        mild|strong|serious|seasonal|slight|terrible|deadly|known|no|any|many|food)\b)[\w-]+((
         and| or|,)? [\w-]+){0,3}?) (allerg(y|ies)|intolerance|sensitivity)\b
    {I}(do not )?have (an? |any |no )?([\w-]+ ){0,3}?(allerg(y|ies)|intolerance|sensitivity) (to|
        for|of) {object}
    my allergies (are|include) {object}
    {I}am {adverb}(not |no longer )?{adverb}(object=lactose|gluten|fructose|histamine|dairy|
        alcohol)[- ]intolerant
diet
    {I}(am|became|went|turned|eat|have been) {adverb}(not |no longer )?(an? )?((strict|ethical|
        lifelong|committed|practicing|\w+ly) )*{diet}\b(?!-)
    {I}(follow|am on|eat|keep|adhere to|stick to|maintain|started|prefer|
        switched to) (to )?(an? )?((strict|mostly|\w+ly) )*{diet}( [\w-]+)? (diets?|lifestyle)
diet:{object}
    {I}(no longer )?(follow|am on|eat|keep|adhere to|stick to|maintain|do|started|
        switched to) {adverb}(to )?(an? )?((strict|mostly|\w+ly) )*{regime}
diet
    my diet is (object=\S.*)
choice:{object}|{other}
    {I}prefer (?!to\b|not\b|
        \w+ing to\b){stated}(object=[\w' -]{2,40}?) to (other=[\w' -]{2,40})[.!]?$
    {I}(would )?{adverb}(prefer|like|favou?r|enjoy) {brief} (over|rather than|instead of|more than|
        better than) (other=.+)
favourite:{object}
    (my|our) (all[- ]time |absolute |personal |current |very )*(favou?rite|fave|fav|preferred|
        go-to) (?!(part|one|thing about|memory|moment)\b)(object=[\w' -]{2,50}?) (is|are|
        has always been|would be|will always be)\b(?! (when|not)\b)
    (value=(?!(it|this|that|these|those|they|he|she|here|there|what|which)\b)[^,]{2,60}?) (is|
        are) (my|our) (all[- ]time |absolute |personal )*(favou?rite|go-to) (?!(for|one|and|part|
        because|to|of|so far|too|now)\b)(object=[\w -]{2,50})
hobby:{object}
    my ([\w-]+ )?(hobb(y|ies)|interests|passions?|pastimes?|pet peeves?|guilty pleasures?) (is|are|
        include)\b (?!(up|back|going)\b)(object=.+)
trait:{object}
    {I}am {adverb}(not |no longer )?(an? )?{adverb}(object=morning person|night owl|early bird|
        early riser|night person|homebody|minimalist|introvert|extrovert|environmentalist|foodie|
        bookworm|teetotal(l?er)?|light sleeper|heavy sleeper|picky eater|visual learner|
        perfectionist|pacifist|audiophile|cinephile|history buff)\b
taste:{object}
    {I}(would )?{adverb}(rather|sooner|prefer to|prefer) (not )?(to )?{object}
    {I}(only )?(do not |no longer |never |can not )?{adverb}(only )?(?!fancy a\b){taste} (to |
        not to )?{object}
    {I}am {adverb}(not |no longer |only )?{adverb}(at all |that |an? )?((big|
        huge) )?{feeling} (?!(starting|exploring|learning|finding|buying|getting|trying|knowing|
        hearing|seeing|understanding|purchasing|doing)\b){object}
    {I}am {adverb}(not |no longer )?{adverb}(really )?(an? |the |
        much of an? )?([\w-]+ ){0,3}?{admirer} (of|in|for|against) {object}
    {I}am {adverb}(not |no longer )?{adverb}(an? |more of an? |
        much of an? )([\w-]+ )??(object=(?!(happy|nice|good|bad|busy|private|real|great|different|
        big|huge|kind|honest|normal|simple|third|young|old|disabled|married|single|sick|better|
        grown|religious|tall|trans|transgender)\b)[\w-]+) ({admirer})\b
    {I}(do not )?{adverb}(have|feel|hold|harbou?r|share|take) (an? |no |any |zero |little |
        such an? |the |some )*([\w-]+,? (and |or )?){0,5}?{towards} (for|to|of|against|towards?|in|
        with|about|when it comes to) {object}
    {I}have (an? )?(object=sweet tooth)
health:{object}
    {I}have (an? )?([\w-]+ ){0,4}?(object=(sensitive|dry|oily|acne-prone) skin|(sensitive|
        weak) stomach)
taste:{object}
    {I}can not {adverb}(stand|bear|tolerate|handle|abide|eat|drink|consume|wear|be around|be near|
        go near|digest|resist|live without|function without|have|swim in|participate in|do without|
        sleep (with|without|in|on)|cope with|deal with|stomach|use|do|ride|afford|work (in|under|
        with)) (or \w+ )?{object}
    {I}(need|have|must|am trying|try|want|prefer|ought|make sure|make it a point|make a point|
        am supposed) {adverb}(to |of )?{adverb}{limit} {object}
    {I}find (?!myself|my way|out|an? (way|solution)|(some|other|new|many|more|different|
        the right) ways?)(it (\w+ )?{evaluation} (for me )?(to|when|that) (?!(believe|say|imagine|
        understand|see|find|tell|explain)\b)(object=.+))
    {I}(usually |often |always )?find {brief} (to be )?{adverb}(too |more |less |overly |really |
        extremely |very |quite |rather )*{evaluation}\b
habit:{object}
    {I}(learn|work|sleep|study|focus|concentrate|perform|function|do|feel|think|
        remember) (\w+ )?(best|better|most effectively|well) (in|with|when|through|by|on|at|if|
        from|under|while|using|after)\b (object=.+)
taste:{object}
    {I}(get|feel|become) {adverb}(easily )?(un\w+|anxious|nauseous|sick|overwhelmed|claustrophobic|
        dizzy|motion[- ]sick|carsick|seasick|bored|nervous|stressed|itchy|migraines?|headaches?|
        distracted|disoriented) {adverb}(in|with|on|around|from|by|when|while|dining|eating|riding|
        watching|using|being|reading|flying) {object}
    {I}{frequently} {adverb}((only|never|not|to|try|want) )*(object={habit} (and \w+ |
        or \w+ )?(to |in |at |on |with |for |by |only )*{stated}\S.*)
habit:{object}
    {I}(object=(do not|can not|never|no longer|rarely|seldom|only|always) (drink|smoke|eat out|
        cook|drive|fly|swim|gamble|work out|exercise|sleep well))( alcohol| cigarettes|
         socially)?($|[ ,.;!](alcohol|at all|anymore|because|since|as|on|at)?)
taste:{object}
    {I}(?=.*{regularly})(object={habit} (?!(it|this|that|these|those|them|you|your|into|
        not|often|once|twice|an? (few|couple))\b)\S.*)
    {I}(can )?(play|collect|practi[sc]e|have (been )?play(ed|ing)|eat|drink|wear|cook|bake|watch|
        listen to|code in|program in|commute by|shop at|celebrate|travel by) (the )?(?!(role|part|
        around|with|ever|for|since|in|at|together|a lot|\w+ly)\b){object}
    (object=(?!(it|this|that|these|those|they|he|she|there)\b)[^,]{2,60}?) (is|are|was|were)( just|
         really| definitely)* (not (really )?)?(my (thing|cup of tea|jam|style|passion|happy place|
        comfort food|guilty pleasure|hobby)|for me|an? (\w+ )?(no-go|deal-?breaker|must|turn-off|
        must-have)( for me)?)[.!]?$
    (object=(?!(it|this|that|these|those|they|he|she|there|what|which|nothing|
        everything)\b)[^,]{2,60}?) (do|does) not (really )?(interest|appeal to|agree with|excite|
        work for|suit) me\b
    (object=(?!(it|this|that|these|those|they|he|she|there|what|which)\b)[^,]{2,60}?) (makes?|
        gives?) me (feel )?(\w+ )?(nauseous|anxious|sick|uncomfortable|nervous|dizzy|itchy|happy|
        a headache|headaches|migraines|hives|heartburn)
    (object=(?!(it|this|that|these|those|they|he|she|there|what|which|you|i)\b)[^,]{2,60}?)
        ((really|always|usually|just) )?(stress(es)? me( out)?|drives? me (crazy|mad|nuts)|
        freaks? me out|calms? me( down)?|relax(es)? me|annoys? me|bothers? me|fascinates? me)\b
""",
    Kind.PREFERENCE,
)

_MOMENT = regex(r"""
    \b(this|these|those|that (one|code|answer|idea|version|way|would)|option [a-z0-9]\b|
    the (above|following|attached|first|second|third|last|latter|former|previous|next) |
    your (answer|response|suggestion|last|first|second|previous|version|idea)|
    (to|of|in|at|with|like|for|about|on) that\b|for now\b|right now\b|at the moment|today|tonight|
    tomorrow|instead$|better than)
""")


def of_the_moment(statement: str) -> bool:
    """Whether a taste is about what lies on the table just now."""
    return _MOMENT.search(statement) is not None
