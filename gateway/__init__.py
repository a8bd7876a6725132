"""Memory Gateway: an OpenAI-compatible proxy that gives any client a long-term memory."""

import os

__version__ = "0.1.0"

# onnxruntime's official builds report their use to Microsoft unless this is set before they are
# imported, by whichever library comes first; its Privacy.md says so. We promise that nothing does.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # of a model that is fetched from the hub
