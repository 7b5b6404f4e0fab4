// Stands in for native/ops/cuda/tensor_cores.cuh: what those instructions do, lane by lane.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <array>

namespace emulator {

struct Operands {
  unsigned a[4];
  unsigned b[2];
};

inline float half_of(unsigned two, unsigned which) {
  return amalgam::core::bf16_to_f32(static_cast<unsigned short>(which == 0 ? two & 0xffffu : two >> 16));
}

/// Element (row, k) of a; registers 0 and 1 hold columns 0 to 7 of rows 0 to 7 and 8 to 15, registers 2 and 3 columns 8 to 15.
inline float element_of_a(const OfLanes<Operands>& lanes, unsigned row, unsigned k) {
  const Operands operands = lanes[row % 8 * 4 + k % 8 / 2];
  return half_of(operands.a[row / 8 + k / 8 * 2], k % 2);
}

inline float element_of_b(const OfLanes<Operands>& lanes, unsigned k, unsigned col) {
  const Operands operands = lanes[col * 4 + k % 8 / 2];
  return half_of(operands.b[k / 8], k % 2);
}

/// Two neighbouring numbers of shared memory.
inline unsigned two_numbers(const unsigned short* first, const unsigned short* second) {
  return static_cast<unsigned>(*first) | static_cast<unsigned>(*second) << 16;
}

}  // namespace emulator

inline void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  const auto lanes = emulator::exchange(emulator::Operands{{a[0], a[1], a[2], a[3]}, {b0, b1}});
  const unsigned lane = emulator::lane();
  for (unsigned element = 0; element < 4; ++element) {
    const unsigned row = lane / 4 + element / 2 * 8;
    const unsigned col = lane % 4 * 2 + element % 2;
    for (unsigned k = 0; k < 16; ++k) {
      d[element] += emulator::element_of_a(lanes, row, k) * emulator::element_of_b(lanes, k, col);
    }
  }
}

inline void load_matrices(unsigned (&out)[4], const void* own_row) {
  const auto rows = emulator::exchange(static_cast<const unsigned short*>(own_row));
  const unsigned lane = emulator::lane();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned short* const row = rows[8 * i + lane / 4];
    out[i] = emulator::two_numbers(row + lane % 4 * 2, row + lane % 4 * 2 + 1);
  }
}

inline void load_matrices_transposed(unsigned (&out)[4], const void* own_row) {
  const auto rows = emulator::exchange(static_cast<const unsigned short*>(own_row));
  const unsigned lane = emulator::lane();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned first = 8 * i + lane % 4 * 2;
    out[i] = emulator::two_numbers(rows[first] + lane / 4, rows[first + 1] + lane / 4);
  }
}

inline void begin_copy(void* shared, const void* source, bool filled) { emulator::begin_copy(shared, source, 16, filled); }
inline void end_group() { emulator::end_group(); }
template <int pending>
void wait_for_groups() {
  emulator::wait_for_groups(pending);
}
