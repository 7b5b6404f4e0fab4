#include "ops/cpu/kernels.h"

namespace amalgam::ops {

const cpu::Kernels& cpu::kernels(core::InstructionSet set) {
#if defined(__x86_64__)
  if (set == core::InstructionSet::avx512) return avx512_kernels;
  if (set == core::InstructionSet::avx2) return avx2_kernels;
#endif
  static_cast<void>(set);
  return portable_kernels;
}

const VectorOps& vector_ops(core::InstructionSet set) { return cpu::kernels(set).vector; }

}  // namespace amalgam::ops
