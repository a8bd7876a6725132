"""Everything that can go wrong, in the domain's own words; no class here knows HTTP.

* GatewayError
  x StartupError            the process cannot start; its message is the one line shown
    - DataFolderInUseError  another process holds the data folder
    - ModelMismatchError    the store was made with another embedding model
    - ModelFilesError       the files of the embedding model or the reranker are absent or damaged
  x StoreError              the store could not do what was asked
  x SpoolError              a turn could not be kept aside
  x EmbeddingError          a text could not be embedded
    - EmbedderBusyError     the queue of texts to embed is full
  x RerankerError           texts could not be scored against a question
    - RerankerBusyError     the queue of what is to be scored is full
  x UpstreamError           the language model gave no answer
    - UpstreamUnreachableError
    - UpstreamTimeoutError
    - UpstreamBrokenError   it began an answer and did not end it
    - NoSuchModelError      no upstream serves the model that was asked for
  x ExtractionError         the model that reads turns gave nothing to learn from
    - ExtractionBusyError   it may answer later
  x FilterError             a filter expression is not well formed
  x DocumentError           a file cannot be read as a document
  x FetchError              what is at an address cannot be had
  x NoSuchKnowledgeBaseError  a project has no knowledge base of this id
  x OverBudgetError         a key has taken what it may
"""


class GatewayError(Exception):
    """Superclass of every error of ours. Never raised directly."""


class StartupError(GatewayError):
    """The process cannot start. The message is a single line for the person who started it."""


class DataFolderInUseError(StartupError):
    """Another process holds the data folder's lock."""


class ModelMismatchError(StartupError):
    """The store's vectors come from another model or have another dimension than the configured."""


class ModelFilesError(StartupError):
    """A model's files cannot be had, or are not the files they should be."""


class StoreError(GatewayError):
    """The store refused or failed an operation that was well formed.

    `reason` is one word that may be shown to whoever asked: it never holds what was stored.
    """

    def __init__(self, message: str = "", *, reason: str = "store") -> None:
        super().__init__(message)
        self.reason = reason


class SpoolError(GatewayError):
    """The spool is full, or its file cannot be written."""


class EmbeddingError(GatewayError):
    """The embedder failed on a text."""


class EmbedderBusyError(EmbeddingError):
    """As many texts wait for the embedder as its queue may hold."""


class RerankerError(GatewayError):
    """The reranker failed on what it was to score."""


class RerankerBusyError(RerankerError):
    """As many callers wait for the reranker as its queue may hold."""


class UpstreamError(GatewayError):
    """The language model's side gave no usable answer. Never raised directly."""


class UpstreamUnreachableError(UpstreamError):
    """No connection could be made, or it broke before the first byte of the answer."""


class UpstreamTimeoutError(UpstreamError):
    """A connection, a first byte or a next byte did not come in time."""


class UpstreamBrokenError(UpstreamError):
    """The answer began and then the connection was lost."""


class NoSuchModelError(UpstreamError):
    """No upstream is configured for the model; the message is its name."""


class ExtractionError(GatewayError):
    """The model that reads turns refused one, and would do so again."""


class ExtractionBusyError(ExtractionError):
    """It cannot be reached, is overloaded or too slow just now.

    `wait` is for how many seconds it asked to be left alone.
    """

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class FilterError(GatewayError):
    """A filter expression is not well formed; the message names the place."""


class DocumentError(GatewayError):
    """A file cannot be read; the message says why, to whoever added it, and quotes nothing."""


class FetchError(GatewayError):
    """What is at an address may not be fetched, or could not; the message says why."""


class NoSuchKnowledgeBaseError(GatewayError):
    """The project has no knowledge base of this id, which is the message."""


class OverBudgetError(GatewayError):
    """A key takes more than it may: `most` of `what`, again in `wait` seconds.

    `what` is a field of `Allowance`.
    """

    def __init__(self, what: str, most: int, *, wait: int) -> None:
        super().__init__(what)
        self.what = what
        self.most = most
        self.wait = wait
