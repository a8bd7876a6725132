"""What the user did or is about to do on a day that the sentence names.

Each is of its own: events fill no slot that another could take, except the date of something that
has one ("my exam is on Friday").
"""

from datetime import UTC, datetime

from gateway.memory import dates
from gateway.memory.model import Millis
from gateway.memory.rules.grammar import regex
from gateway.memory.wording import object_key, shortened

_HAPPENED = regex(r"""
    I {adverb}(have )?{adverb}
    (went|visited|moved|met|bought|got|started|finished|graduated|adopted|signed up|joined|ran|
    took|attended|lost|won|saw|celebrated|travel+ed|flew|came back|returned|quit|passed|broke|hurt|
    completed|launched|opened|hosted|organi[sz]ed|volunteered|painted|married|became|turned|
    retired|sold|published|competed|hiked|climbed|camped|swam|drove|sailed|cycled|biked|
    planted|baked|cooked|built|made it|performed|presented|gave birth|gave up|stopped|had (a|an|my|
    our|dinner|lunch|breakfast|surgery)|was (in|at|born|hired|promoted|fired|laid off|diagnosed|
    accepted|admitted|invited|awarded)|began|switched|enrolled|registered|applied|interviewed|
    donated|fostered|rescued|spent|recovered|received|taught|played|watched|got (a|an|my|married|
    engaged|divorced|promoted|hired|fired|accepted|home|back)|helped (my|at|out)|recorded|
    wrote|read|tried|made (a|an|my|our|some)|checked out|threw|found (a|an|my|out)|caught|
    learned (to|how)|danced|sang|raised)
    \b(?! (stuck|an? (error|exception|warning|message)|confused)\b)
""")
_HAPPENS = regex(r"""
    I (?!.*\b(today|tonight|this (morning|afternoon|evening))\b){adverb}(not )?
    (am (?!(looking|trying|asking|wondering|thinking|hoping|talking|writing about|not sure|
    feeling|having (trouble|issues|problems))\b)\w+ing\b|will (?!(always|never|remember|miss|love|
    cherish|definitely|probably|try|see|let|tell|check|ask|get back|be back|need|be able|do it|
    have to|talk|keep|send|update|share)\b)\w+|am going to (?!(try|see|need|ask|tell)\b)\w+|(plan|
    intend|have|hope|want|expect|decided|am planning|am due|am scheduled|am set|am about) to \w+|
    have (an?|my|our|the|two|another|some) \w+|fly|leave|arrive|start|begin|depart|travel|go|
    am (off|away|on vacation|on holiday|in|at|out|back|visiting)|get married|turn|graduate|move|
    am (due|booked|invited|signed up))
""")
_DATE = regex(r"""
    my (\w+'s |next |first |final |upcoming |big |own |new )?(object=exams?|finals?|midterms?|test|
    appointment|interview|wedding|flight|trip|vacation|holiday|anniversary|deadline|surgery|
    operation|move|due date|graduation|concert|marathon|race|tournament|competition|recital|
    performance|presentation|defen[sc]e|party|thesis|semester|term|classes|lease|contract|visa|
    passport|internship|first day|last day|birthday party|delivery|checkup|check-up|meeting|
    conference|game|match|show|opening|launch|retirement|honeymoon|driving test|bar exam|mortgage|
    subscription|probation|maternity leave|[\w-]+ (exam|appointment|interview|wedding|flight|trip|
    deadline|surgery|test|anniversary|party|recital|concert|game|competition|meeting)) (is|are|was|
    starts?|begins?|ends?|expires?|comes up|takes place|will be|is due|has been moved|got moved|
    is scheduled|was moved)\b
""")
# What lies on the table between the user and a program is no event of a life.
_ON_THE_TABLE = regex(r"""
    \b(this(?! ((past |coming )?(week\w*|month|year|spring|summer|autumn|fall|winter|\w+day))\b)|
    that|these|those|it|code|error|bug|file|script|function|api|server|package|version|branch|
    commit|you|your)\b
""")


def read(statement: str, said: Millis) -> tuple[str, Millis] | None:
    """The slot and the time of an event, or None when the statement tells of none."""
    if dated := _DATE.match(statement):
        when = dates.find(statement, said, past=" was " in statement)
        return None if when is None else (f"date:{object_key(dated['object'])}", when)
    happened = _HAPPENED.match(statement) is not None
    if not (happened or _HAPPENS.match(statement)) or _ON_THE_TABLE.search(statement):
        return None
    when = dates.find(statement, said, past=happened)
    if when is None:
        return None
    # The day is part of what happened: "I ran 10 km yesterday" said on two days is two runs.
    day = datetime.fromtimestamp(when / 1000, UTC).date()
    return f"event:{day}:{shortened(statement)}", when
