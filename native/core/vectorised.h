// Plain loops compiled for the widest vectors of the processor at hand.
#pragma once

#include "core/cpu.h"

namespace amalgam::core {

/// Put after the parameters of a lambda that is handed to vectorised().
#define AMALGAM_INLINE __attribute__((always_inline))

#if defined(__x86_64__)
template <typename Loop>
__attribute__((target("avx2"))) void run_for_avx2(Loop loop) {
  loop();
}
template <typename Loop>
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) void run_for_avx512(Loop loop) {
  loop();
}
#endif

/// Runs `loop`, an always-inlined lambda without arguments: its body is compiled once per instruction set, and the
/// right one chosen here. For elementwise loops, where the compiler's own vector code is as good as any; results are
/// the same for every set, since contraction is off.
template <typename Loop>
void vectorised(Loop loop) {
#if defined(__x86_64__)
  switch (best_instruction_set()) {
    case InstructionSet::avx512: return run_for_avx512(loop);
    case InstructionSet::avx2: return run_for_avx2(loop);
    case InstructionSet::portable: break;
  }
#endif
  loop();
}

}  // namespace amalgam::core
