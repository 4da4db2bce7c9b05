"""Where torch computes, and in which precision."""

from __future__ import annotations

from typing import Any

from rag.errors import ModelError
from rag.settings import Settings


def best_device(torch: Any, settings: Settings) -> str:
    """The device that the settings name, else the fastest there is; raises ModelError where it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    device = settings.device or next(name for name, is_there in there.items() if is_there)
    if not there.get(device.split(":")[0]):
        raise ModelError(f"the device {device} is not there: unset SNOSKA_DEVICE, or set it to cpu")
    return device


def best_precision(torch: Any, device: str) -> str:
    """bfloat16 where the hardware multiplies it; emulated, it would be slower than float32."""
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # torch >= 2.11
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return "bfloat16" if device == "cpu" and native else "float32"
