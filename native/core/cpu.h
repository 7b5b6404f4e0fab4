// What the processor at hand can do.
#pragma once

#include <string>
#include <string_view>

namespace amalgam::core {

/// The widest vector instructions that the arithmetic has a path for, in rising order.
enum class InstructionSet { portable, avx2, avx512 };

/// Chosen at run time. avx2 includes FMA; avx512 means F, BW, DQ and VL.
InstructionSet best_instruction_set();

/// True where there are, besides avx512, instructions that multiply pairs of bfloat16 numbers (AVX512-BF16).
bool has_bf16_products();

/// "portable", "avx2" or "avx512".
std::string_view instruction_set_name(InstructionSet set);

/// The processor's name as the system tells it; "unknown processor" where it does not.
std::string processor_name();

/// Threads that the system runs at once, at least 1.
int hardware_threads();

}  // namespace amalgam::core
