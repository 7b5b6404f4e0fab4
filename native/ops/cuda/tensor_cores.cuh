// The instructions of compute capability 8.0 for small matrix products, as the PTX manual names them ("Matrix multiply-accumulate
// operation using mma instruction", "ldmatrix", "cp.async"). What the tests put in the place of this file does the same on the
// processor.
#pragma once

#include <cuda_runtime.h>

/// d += a b over a warp: a is 16 x 16 and b 16 x 8 in bfloat16, d 16 x 8 in float. Lane l, with g = l / 4 and t = l % 4, holds
///   a: rows g, g + 8, g, g + 8 at columns 2t, 2t + 1 for a[0], a[1] and 8 more for a[2], a[3];
///   b: rows 2t, 2t + 1 of column g in b0, 8 rows further down in b1;
///   d: row g in d[0], d[1] and row g + 8 in d[2], d[3], at columns 2t, 2t + 1.
__device__ inline void multiply_add(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};\n"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Four 8 x 8 matrices from shared memory: lane 8 i + r says where row r (16 bytes) of matrix i lies. Afterwards lane l holds
/// of matrix i in out[i] the numbers 2 (l % 4) and one more of row l / 4.
__device__ inline void load_matrices(unsigned (&out)[4], const void* own_row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(own_row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

/// The same transposed: lane l gets the numbers of column l / 4 in rows 2 (l % 4) and one more.
__device__ inline void load_matrices_transposed(unsigned (&out)[4], const void* own_row) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(own_row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

/// Begins to copy 16 bytes to shared memory, or to fill them with zeros. `source` is read only when `filled`, but must be
/// an address of the card.
__device__ inline void begin_copy(void* shared, const void* source, bool filled) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = filled ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(address), "l"(source), "r"(bytes) : "memory");
}

/// Ends a group of copies of this thread.
__device__ inline void end_group() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }

/// Waits until at most `pending` of this thread's last groups are still on their way.
template <int pending>
__device__ inline void wait_for_groups() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(pending) : "memory");
}
