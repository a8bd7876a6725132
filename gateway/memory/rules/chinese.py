"""The plainest first-person statements, tastes and instructions in Chinese, in the same slots.

Read clause by clause, in simplified or traditional characters' most common forms.
"""

import re

from gateway.memory.model import Kind
from gateway.memory.rules.grammar import entries, regex, table

_WORDS = entries(r"""
me
    (我|本人)
often
    (现在|目前|一直|平时|已经|刚刚?|最近|其实|也|都|还|去年|今年|上个?月|上周|平常|從來|一般)*
how
    (真的|非常|很|特别|最|也|都|比较|超级?|更|还是|其实|一直|从小|就|有点|挺|蛮|真)*
few
    [一两二三四五六七八九十\d]
job
    (医生|護士|护士|老师|教师|教授|律师|工程师|程序员|设计师|会计师?|厨师|司机|学生|研究生|博士生|
    大学生|高中生|记者|作家|演员|警察|消防员|农民|经理|分析师|科学家|研究员|翻译|销售|公务员|画家|
    音乐家|摄影师|药剂师|牙医|建筑师|飞行员|自由职业者|老板|顾问|保安|快递员|主管|助理|编辑|插画师|
    理发师|裁缝|木匠|电工|教练|心理咨询师|开发者|产品经理|数据科学家)
""")

FACTS = table(
    r"""
name
    {me}叫做?(?!你|您|他|她|它|的|了|醒|什么|车|外卖)\S{1,20}
    {me}的名字(是|叫)(?!什么)\S
age
    {me}{often}(今年)?[\d一二三四五六七八九十两百]{1,4}岁
home.place
    {me}{often}(居?住|定居|生活)(在|于)(?!哪|这|那|一个|梦)\S
    {me}{often}搬家?(到|去|来)了?(?!哪|这|那)\S
    {me}家{often}住?在(?!哪|这|那)\S
home.origin
    {me}(来自|是从)(?!哪)\S
work.employer
    {me}{often}在(?!哪|家|这|那)\S{1,20}(工作|上班|任职|实习)了?$
work.title
    {me}{often}(是|当|做)(一?[名个位])?(?!不)\S{0,12}{job}$
    {me}{often}退休了?$
study.school
    {me}{often}在(?!哪|家)\S{1,20}(读书|上学|读大学|念书|上大学)$
study.field
    {me}(主修|学的是|读的是)\S
family.children
    {me}有{few}个?\S{0,4}(孩子|儿子|女儿|小孩)$
relation:{object}
    {me}有{few}个?(object=哥哥|弟弟|姐姐|妹妹|兄弟|姐妹)$
family.status
    {me}({often}|还没有?|没有?)(结婚|离婚|订婚|单身|已婚|未婚)了?$
pet:{object}
    {me}家?{often}(养|有)了?({few}?[只条匹头个])?\S{0,3}?(object=猫|狗|兔子|仓鼠|鸟|鹦鹉|乌龟|马|金鱼)$
speaks:{object}
    {me}(会|能)说(object=\S{1,10}[语文话])
learns:{object}
    {me}(正在|在)学习?(object=(?!怎么|如何)\S+)
health:{object}
    {me}(有|患有|得了)(object=糖尿病|哮喘|高血压|抑郁症|偏头痛|癫痫|心脏病|关节炎|失眠症?)
""",
    Kind.FACT,
    words=_WORDS,
)
PREFERENCES = table(
    r"""
allergy:{object}
    {me}对(object=\S+?)(严重|有点|不)?过敏
diet
    {me}{often}(是(一?[个名位])?)?(素食者|素食主义者|吃素|吃纯素|纯素食者)(的|了)?$
favourite:{object}
    {me}最(喜欢|爱)的(object=\S+?)是\S
taste:{object}
    {me}{how}(不|不太|不怎么|不是很)?再?(喜欢|爱|讨厌|偏爱|热爱|受不了|害怕|怕)(吃|喝|看|听|玩|去)?(?!你|您|这|那|它|他|她|吗|的|上了?你)(object=\S+)
    {me}(从来|一般|平时|几乎|已经)*(不|从不)(吃|喝|抽)(?!了|下)(object=\S+)
""",
    Kind.PREFERENCE,
    words=_WORDS,
)

# Said to stand, or a wish about answers that stands where its message sets no task.
STANDING = regex(r"""
    (请|麻烦|你|,)*(以后|从现在(开始|起)|从今以后|今后|往后|永远|总是|一直|每次|始终|都)(,|请|你|都|不要再?|别|
    别再|只|要|用|以|总是)*\S*(回答|回复|说|写|叫|称呼|使用?|用|给|提|加|解释|推荐|翻译)
""")
BARE = regex(r"""
    (请|麻烦|你|,)*(用\S{1,4}[文语](来)?(回答|回复|跟我|和我)|(不要|别)再?(使?用|说|提|加|给我)\S|
    (叫|称呼)我\S{1,10}$|(你的)?(回答|回复|答案)(请|要|尽量|都)*(简短|简洁|短|详细|正式|口语化))
""")
TOPICS = table(
    r"""
response.language
    .*用?(中文|英文|英语|汉语|普通话|日语|日文|法语|德语|西班牙语|韩语|俄语)
name.called
    .*(叫|称呼)我
response.emoji
    .*(表情|emoji)
response.length
    .*(简短|简洁|短一?点|详细)
""",
    Kind.PREFERENCE,
)
NOT_STATED = re.compile(
    r"如果|假如|要是|假设|万一|也许|可能|想象|希望|比如|例如|他说|她说|有人说|吗$|呢$|吧$|[?]$|该不该|是不是|"
    r"什么|哪里|哪儿|怎么|这个|那个"
)
LEAD = re.compile(r"(?:(?:你好|您好|嗨|嘿|其实|另外|对了|顺便说一下|谢谢|是的|不|好的)[,!。]\s*)*")
CLAUSES = re.compile(r"[,;]\s*|,?(?:而且|并且|但是|可是|不过)(?=我)")
