// A line a family: families/NAME.cpp defines `const Family& NAME()` in engine::families_list.
FAMILY(llama)
FAMILY(phi)
FAMILY(mistral)
FAMILY(qwen2)
FAMILY(qwen3)
FAMILY(smollm3)
FAMILY(gemma3)
FAMILY(phi3)
