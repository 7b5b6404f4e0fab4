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

const cpu::GemmKernel<float>* cpu::pair_kernel(core::InstructionSet set) {
#if defined(__x86_64__)
  if (set == core::InstructionSet::avx512 && core::has_bf16_products()) return &avx512_bf16_pairs;
#endif
  static_cast<void>(set);
  return nullptr;
}

const VectorOps& vector_ops(core::InstructionSet set) { return cpu::kernels(set).vector; }

}  // namespace amalgam::ops
