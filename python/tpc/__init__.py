"""Python side of tpc: it writes plans, model folders and token files, and calls the tools; it computes nothing.

- `tpc.plan`: parallel plans with PyTorch's class names
- `tpc.hf`: Hugging Face folders (`config.json`, safetensors)
- `tpc.tokenize`: text to token files
- `tpc.compile`, `tpc.run`: `tpc-compile` and `tpc-run`
"""
