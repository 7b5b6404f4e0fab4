/* The whole interface between the program and libamalgam_cuda.so: a table of C functions, so that the two may come from
 * different compilers. Every function returns 0, or fills `failure` and returns another number; none prints, exits or
 * throws. Pointers called device_* are addresses on the card. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AMALGAM_BACKEND_VERSION 1u
#define AMALGAM_BACKEND_ENTRY "amalgam_backend_entry"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AmalgamFailure {
  char message[512]; /* what was called, what CUDA said, and where; ends with 0 */
} AmalgamFailure;

typedef struct AmalgamDeviceInfo {
  char name[256];
  uint64_t total_bytes;
  uint64_t free_bytes;
  int32_t compute_major;
  int32_t compute_minor;
} AmalgamDeviceInfo;

typedef struct AmalgamBackend {
  uint32_t version; /* AMALGAM_BACKEND_VERSION */
  uint32_t size;    /* sizeof(AmalgamBackend) */

  int32_t (*device_count)(int32_t* count, AmalgamFailure* failure);
  int32_t (*device_info)(int32_t device, AmalgamDeviceInfo* info, AmalgamFailure* failure);

  /* Memory. Copies have ended when the call returns. */
  int32_t (*allocate)(int32_t device, uint64_t bytes, void** device_memory, AmalgamFailure* failure);
  int32_t (*release)(int32_t device, void* device_memory, AmalgamFailure* failure);
  int32_t (*copy_to_device)(int32_t device, void* device_target, const void* source, uint64_t bytes,
                            AmalgamFailure* failure);
  int32_t (*copy_to_host)(int32_t device, void* target, const void* device_source, uint64_t bytes,
                          AmalgamFailure* failure);

  /* x[i] *= alpha, i < count. Overwrites x. */
  int32_t (*scale)(int32_t device, int64_t count, float alpha, float* device_x, AmalgamFailure* failure);

  /* y[i] += alpha * x[i], i < count. Accumulates into y. */
  int32_t (*axpy)(int32_t device, int64_t count, float alpha, const float* device_x, float* device_y,
                  AmalgamFailure* failure);

  /* G = A A^T in double: A is rows x cols float, G is rows x rows double, both row-major without gaps. Overwrites G.
   * Each element is one sum over the columns in rising order, so that the result is the same on every card. */
  int32_t (*gram_f64)(int32_t device, int64_t rows, int64_t cols, const float* device_a, double* device_g,
                      AmalgamFailure* failure);
} AmalgamBackend;

/* The one symbol of the library, AMALGAM_BACKEND_ENTRY. Touches no device. */
typedef const AmalgamBackend* (*AmalgamBackendEntry)(void);

#ifdef __cplusplus
}
#endif
