"""The plainest first-person statements, tastes and instructions in Japanese, in the same slots.

A sentence without a subject speaks of who says it; one with another topic (彼は) is not read.
"""

import re

from gateway.memory.model import Kind
from gateway.memory.rules.grammar import entries, regex, table

_WORDS = entries(r"""
me
    ((私|僕|俺|わたし|わたくし|ぼく|自分)(は|も)?,?)?
mine
    ((私|僕|俺|わたし|ぼく)の)?
now
    (今は?|現在は?|いま|最近|先月|去年|昨年|ずっと|もう|実は|,)*
thing
    (object=(?!この|その|あの|これ|それ|あれ|どれ|何|あなた|君)[^はがを,]+)
is
    (です|だ|である|だよ|ですよ|なんです)?
does
    い?(ます|る|るよ|ますよ)
job
    ([^はがを]{0,12}(師|士|員|医者|先生|学生|大学生|作家|画家|記者|警察官|公務員|エンジニア|プログラマー|
    デザイナー|マネージャー|コンサルタント|ライター|カメラマン|パイロット|シェフ|医師|弁護士|研究者|会計士|
    主婦|主夫|会社員|フリーランス|農家|漁師))
""")

FACTS = table(
    r"""
name
    {mine}名前は(?!何)\S+?(です|と(言|い)います|と申します|だ)
    {me}(?!何)[^はがを]{1,12}と(申します|言います|いいます)$
age
    {me}(今年)?[\d一二三四五六七八九十]{1,4}[歳才](です|だ|になりました|になった)
home.place
    {me}{now}(?!どこ|ここ|そこ)[^はがを]+に(住んで|暮らして){does}
    {me}{now}に?(?!どこ|ここ|そこ)[^はがを]+[にへ]引っ越し(ました|た)
home.origin
    {me}[^はがを]+(出身|生まれ)(です|だ)
work.title
    {me}{now}{job}を(して|やって){does}
    (私|僕|俺|わたし|ぼく)は{now}{job}(です|だ)$
work.employer
    {me}{now}(?!どこ|家)[^はがを]+(で働いて|に勤めて|で仕事をして){does}
study.field
    {me}{now}(?!何)[^はが]+を(専攻して|勉強して){does}
family.children
    {me}に?(は)?(子供|子ども|息子|娘)が\S{0,3}い(ます|る)
family.status
    {me}{now}(結婚して{does}|結婚しました|独身です|離婚しました|既婚です)
pet:{object}
    {me}(うちでは?|家では?)?(object=犬|猫|ネコ|イヌ|うさぎ|ウサギ|ハムスター|鳥|インコ|亀|金魚|馬)を\S{0,3}飼って{does}
health:{object}
    {me}(object=糖尿病|喘息|高血圧|うつ病|片頭痛|てんかん|不眠症)(です|が(あり|有り)ます|を持って)
""",
    Kind.FACT,
    words=_WORDS,
)
PREFERENCES = table(
    r"""
allergy:{object}
    {me}(object=[^はがを]+?)(に|の)?アレルギー(が(あり|有り|ある)|です|だ|を持って)
diet
    {me}(ベジタリアン|ビーガン|ヴィーガン|菜食主義者?)(です|だ)
favourite:{object}
    {mine}(一番)?好きな(object=[^はがを]+)は(?!何)\S+?(です|だ)$
taste:{object}
    {me}{thing}[がは](あまり|とても|本当に|すごく|一番|大変)*(大好き|好き|嫌い|大嫌い|苦手|好きでは(ない|
        ありません)|好きじゃ(ない|ありません)){is}(です)?$
    {me}{thing}[をは](全く|ほとんど)?(食べ|飲み|吸い)ません$
""",
    Kind.PREFERENCE,
    words=_WORDS,
)

STANDING = regex(r"""
    (いつも|常に|これから(は|も)?|今後(は|も)?|必ず|毎回|ずっと),?\S+(て|で)(ください|下さい|ほしい(です)?|くれ|ね)$
""")
BARE = regex(r"""
    [^,]*(語で(答|回答し|返事し|話し)\S*|と呼んで|(絵文字|敬語|専門用語|顔文字)[はを]使(わないで|って)|
    (回答|返事|答え|返答)は\S*(短|簡潔|詳し|丁寧)\S*)(て)?(ください|下さい|ほしい(です)?|くれ|ね)?$
""")
TOPICS = table(
    r"""
response.language
    .*(日本|英|フランス|ドイツ|スペイン|中国|韓国)語で
name.called
    .*と呼んで
response.emoji
    .*(絵文字|顔文字)
response.length
    .*(短|簡潔|詳し)
response.tone
    .*(敬語|丁寧)
""",
    Kind.PREFERENCE,
)
NOT_STATED = re.compile(
    r"もし|たら[,、]|なら[,、]|かもしれ|と思います?$|例えば|か$|[?]$|だろう$|でしょう$|と言(った|って|いました)|って言"
)
LEAD = re.compile(r"(?:(?:こんにちは|はい|いいえ|ちなみに|実は|ありがとう|あと)[,、!。]\s*)*")
CLAUSES = re.compile(r"(?!)")  # a sentence is read as one
