// A line a format: exports/NAME.cpp defines `Exporter NAMEExporter()` in engine. In the order in which they are shown.
EXPORTER(peft)
EXPORTER(safetensors)
EXPORTER(gguf)
EXPORTER(mlflow)
EXPORTER(tensorboard)
EXPORTER(csv)
EXPORTER(html)
