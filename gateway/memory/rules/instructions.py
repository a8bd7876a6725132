"""Standing instructions: how the user wants to be answered from now on.

"Always answer in French" stands whatever else is said; "keep answers short" stands unless it comes
with a task, when it is about that task.
"""

from gateway.memory.model import Kind
from gateway.memory.rules.grammar import entries, first, regex, table
from gateway.memory.wording import object_key, shortened

_WORDS = entries(r"""
polite
    ((please|pls|kindly|also|and|but|so|just|ok|okay|hey|hi|thanks|first|then|can you|could you|
    would you|will you|you should|you must|you have to|you need to|you can|make sure (to|you|
    that you)|be sure to|remember to|do remember to|try to|I (really |just |also )?(want|need|
    would like|would prefer|prefer|expect|ask|request|would love) (for |that )?you( to)?|
    I would (like|prefer|appreciate) it if you( could| would)?|it would be (great|
    nice) if you( could| would)?|let us|feel free to|for the record|note that|I ask that you|
    going to need you to)[,:]? )*
standing
    (from (now|here|this (point|moment)) on(wards?|ward)?|from now|going forward|moving forward|
    in (the |all )?future( \w+)?|for (all |every |any )?(future|the rest of)[\w ]{0,30}?|
    at all times|by default|every time( you \w+| I \w+)?|each time( you \w+| I \w+)?|henceforth|
    in (all|every|each|any)( of)?( your)?( future)? (answers?|responses?|repl(y|ies)|messages?|
    conversations?|chats?)|when(ever)? (I (ask|mention|say|talk|request|want|need|write|greet|send|
    share|give|am asking)|you (answer|reply|respond|write|explain|give|talk|provide|suggest|
    recommend|show|code|speak))[^,]{0,80}|if I (ever )?(ask|mention|say|talk|request)[^,]{0,80}|
    as a (general )?rule|in general|generally)
always
    (always|never|do not ever|never ever)
answering
    (answer|respond|reply|use|write|give|include|add|call|address|refer|format|provide|show|
    explain|avoid|cite|mention|ask|translate|speak|talk|spell|convert|round|assume|return|output|
    suggest|recommend|start|end|begin|put|sign|keep|state|quote|list|number|summari[sz]e|check|
    verify|double-check|consider|highlight|wrap|indent|comment|document|prefer|stick|limit|default|
    tell|say|apologi[sz]e|send|be (as )?(more |less |very |super )?(concise|brief|direct|formal|
    informal|casual|polite|honest|blunt|detailed|specific|friendly|professional|playful|funny|
    critical|positive|short|clear|precise|thorough|straightforward|succinct|terse|verbose|kind|
    gentle)|remind|repeat|greet|code|make sure|provide me|bring up|confirm|clarify|warn|link|
    print|draw|treat|store|remember|present|review|fix|test|optimi[sz]e|refactor|compare|calculate|
    rate|search|generate|create|double check|help|skip|omit|exclude|leave out|guess|assume|hide|
    reveal|share|lecture|moralize)
replies
    (answers?|responses?|repl(y|ies)|explanations?|messages|summaries|sentences|paragraphs|
    outputs?|comments|suggestions|recommendations|code( examples| snippets| samples)?|examples|
    recipes)
manner
    (short|shorter|brief|briefer|concise|succinct|terse|crisp|simple|simpler|plain|long|longer|
    detailed|thorough|formal|informal|casual|polite|friendly|direct|to the point|professional|
    precise|technical|non-technical|humorous|funny|bullet(ed)?( points?| lists?)?|lists?|prose|
    markdown|tables?|one sentence|a sentence|under \d+|less than \d+|at most \d+|up to \d+|
    \d+ words|step[- ]by[- ]step|in bullet|in plain|in simple|jargon-free|honest|json|xml|yaml|
    html|csv|code|one word|one line|haikus?|rhymes?|verse)
style
    (emojis?|emoticons|exclamation (marks?|points?)|bullet( points?|s)|bulleted lists?|
    numbered lists?|markdown|headings?|headers|tables|latex|jargon|slang|swear ?words|profanity|
    hashtags|em[- ]?dashes|disclaimers?|filler( words)?|pleasantries|flattery|buzzwords|cliches|
    analogies|metaphors|passive voice|metric( units| system)?|imperial( units| system)?|celsius|
    fahrenheit|kilomet(er|re)s|miles|24[- ]hour( \w+)?|12[- ]hour( \w+)?|si units|(british|
    american|australian|canadian|uk|us) (english|spelling)|(simple|plain) (english|language|words)|
    (gender-neutral|formal|informal|inclusive|respectful) (language|pronouns|tone)|(a |
    an )?(formal|informal|casual|friendly|professional|neutral|warm) (tone|style|language)|(he/him|
    she/her|they/them)|euros|dollars|pounds|iso dates?|dd/mm/\w+|mm/dd/\w+|my (first |last |
    full )?name|code comments|type hints|sources|citations|links)
without
    (do not|never|stop|avoid|no more|no|quit|refrain from|skip|drop|without)
doing
    (us(e|ing)|giv(e|ing) me|mention(ing)?|bring(ing)? up|includ(e|ing)|add(ing)?|call(ing)? me|
    apologi[sz](e|ing)|say(ing)?|ask(ing)? (me )?(about|if|whether|follow|clarif|for)|repeat(ing)?|
    talk(ing)? (to me )?about|talk(ing)? to me|suggest(ing)?|recommend(ing)?|assum(e|ing)|
    start(ing)? (your|every|each|with|answers|responses)|end(ing)? (your|every|each|with|answers|
    responses)|remind(ing)? me|lectur(e|ing)|moraliz(e|ing)|translat(e|ing)|sugar-?coat(ing)?|
    flatter(ing)?|patroniz(e|ing)|judg(e|ing) me|refer(ring)? to)
""")

# "standing" says itself that it stands; "bare" is taken so where nothing speaks against it.
_FORMS = table(
    r"""
name.called
    {polite}(({standing},? )?(always |do not |never |stop )?(call(ing)? me|address me as|
        refer to me as)|I (would )?(prefer|like|want) (to be|being) (called|addressed as|
        referred to as)|I (would )?(prefer|like) when you call me) (?!(by my|back|later|when|if|
        at|on|tomorrow|today|a|an|the|crazy|old|for|in|out|to|maybe|stupid|biased|weird)\b){name}
standing
    {polite}{standing},? {polite}({always} |do not |only )*({answering}|{without} {doing}|
        your {replies}|I (want|would like|prefer|need) (you|your|all|short|long))\b
    {polite}{always} ({standing},? )?(please )?{answering}\b(?! (up|going|fighting|pushing|it|
        moving|in mind|your)\b)
    {polite}(do not |only )?({answering}|{without} {doing})\b.*\b({standing}|always)[.!?]?$
    {polite}(all |any )?(of )?your (future )?{replies} (should|must|need to|have to|are to|shall)\s
    {polite}I (\w+ly |always |would |do |much )*(prefer|like|want|need|hate|dislike|love|
        appreciate) (it when |when |to (get|have|receive|see) )?(your |my |the )?
        ([\w-]+,? (and |or |but )?){0,4}?(answers|responses|replies|explanations)\b
    {polite}I (\w+ly |always |would |do )*(prefer|like|want|need|hate|dislike|love) (it )?(when|
        that) you ({answering}|do not|are)\b
bare
    {polite}(keep|make) (all |your |the |my |every |any )*{replies} (as )?(very |really |quite |
        fairly |more |nice and |relatively )?{manner}
    {polite}(only |always )?(answer|respond|reply|speak|talk|write|communicate|converse|chat)
        ( to me| with me| back)?( only| always| exclusively)? (in|only in) ({language}|{manner}|
        (a |an )\w+ (tone|style|manner|way))\b
    {polite}(only |always |stick to |just )*(use|give|prefer|stick to|give me|write in|show)
        ( only| me| us)? (the )?{style}
    {polite}(use|give|give me|provide|write) (only )?{manner} (and \w+ )?{replies}
    {polite}((treat|talk to|speak to|answer) me (like|as)|assume (that )?I|no need to (apologi[sz]e|
        explain|repeat)|(speak|use) {language})\b
    {polite}{without} ({doing}\b|(the |any |more )*{style})
    {polite}be (as |a bit |a little |more |less |very |super )*(concise|brief|direct|formal|
        informal|casual|blunt|detailed|professional|succinct|terse|honest)
        ( (as possible|with me|in your \w+|when \w+ing|please|and \w+))*[.!]?$
""",
    Kind.PREFERENCE,
    words=_WORDS,
)
# The first topic that an instruction touches is its slot; a newer one on the same takes over.
_TOPICS = table(
    r"""
response.emoji
    .*\b(emojis?|emoticons)\b
response.units
    .*\b(metric|imperial|kilomet(er|re)s|miles|celsius|fahrenheit|si units)\b
response.clock
    .*\b(24|12)[- ]hour\b
response.spelling
    .*\b(british|american|australian|canadian|uk|us) (english|spelling)\b
response.language
    .*\b(answer\w*|respon[ds]\w*|repl\w+|speak\w*|talk\w*|communicate|chat|converse|write|use)
        (( to| with)? me| back| only| always| should be)*( in| only)* {language}\b
response.length
    .*\b(short\w*|brief\w*|concise\w*|succinct\w*|terse|crisp|long\w*|detailed|thorough|verbose|
        (under|less than|at most) \d+ \w+|\d+ words|\w+ sentences?)\b
response.tone
    .*\b(formal|informal|casual|friendly|polite|professional|playful|humorous|blunt|direct|honest|
        tone)\b
response.format
    .*\b(bullet\w*|(numbered|bulleted) lists?|markdown|tables?|prose|headings?)\b
response.exclamations
    .*\bexclamation (marks?|points?)\b
response.apologies
    .*\bapologi[sz]\w*\b
""",
    Kind.PREFERENCE,
)
_LEAD = regex("{polite}(({standing}|{always}|only|{without}),? )*", _WORDS)
_THIS = regex(r"""
    \b(this|these|the (following|above|attached|given)|below)\b
    (?! (way|manner|point on|moment on|rule|chat|conversation))
""")
_ON_THE_TABLE = regex(r"""
    \b(that|those|it|here|the (text|code|function|essay|email|letter|article|story|poem|next|first|
    second|last|previous))\b
""")
# What people tell each other, and a program need not mind.
_ENCOURAGES = regex(r"""
    \b(never|always) (mind|give up|stop|forget|say never|be (yourself|there|kind|grateful)|
    remember (the|to|that you)|keep (going|it|your|the|in mind|moving|pushing)|make time|add up|
    tell you|call it)\b
""")


def slot(statement: str, *, busy: bool) -> str | None:
    """The slot of a standing instruction, or None when the sentence is none.

    `statement` has its contractions spelt out; `busy` says that its message also sets a task.
    """
    if (read := first(_FORMS, statement)) is None:
        return None
    form = read[1]
    if form == "name.called":
        return form
    if _THIS.search(statement) or _ENCOURAGES.search(statement):
        return None
    if form == "bare" and (busy or _ON_THE_TABLE.search(statement)):
        return None
    if topic := first(_TOPICS, statement):
        return topic[1]
    return f"instruction:{object_key(_LEAD.sub('', statement)) or shortened(statement)}"
