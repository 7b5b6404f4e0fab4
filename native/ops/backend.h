/* The whole interface between the program and libamalgam_cuda.so: a table of C functions, so that the two may come from
 * different compilers. Every function returns 0, or fills `failure` and returns another number; none prints, exits or
 * throws. Pointers called device_* are addresses on the card. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AMALGAM_BACKEND_VERSION 4u
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

/* A target of token_choices: the row's best token. */
#define AMALGAM_BEST_TOKEN (-2)

/* How the numbers of an array are stored. */
#define AMALGAM_F32 0
#define AMALGAM_BF16 1
#define AMALGAM_U8 2 /* masks of 0 and 1 */

/* rows x cols numbers on the card, row-major; element (i, j) is the (i * stride + j)-th from `data`. */
typedef struct AmalgamArray {
  void* data;
  int32_t type; /* AMALGAM_F32, AMALGAM_BF16 or AMALGAM_U8 */
  int64_t rows;
  int64_t cols;
  int64_t stride;
} AmalgamArray;

/* The functions of cuBLAS that are used, by the names of cublas_v2.h. All return its status, 0 for success. */
typedef struct AmalgamCublas {
  int32_t (*create)(void** handle);
  int32_t (*destroy)(void* handle);
  int32_t (*set_stream)(void* handle, void* stream);
  int32_t (*set_workspace)(void* handle, void* device_memory, size_t bytes);
  int32_t (*set_math_mode)(void* handle, int32_t mode);
  int32_t (*gemm_ex)(void* handle, int32_t operation_a, int32_t operation_b, int32_t m, int32_t n, int32_t k,
                     const void* alpha, const void* a, int32_t type_a, int32_t lda, const void* b, int32_t type_b,
                     int32_t ldb, const void* beta, void* c, int32_t type_c, int32_t ldc, int32_t compute_type,
                     int32_t algorithm);
} AmalgamCublas;

/* A status of cuBLAS is returned with this added, so that it is never taken for one of CUDA. */
#define AMALGAM_CUBLAS_STATUS 100000

/* One stream of one device: what is asked for through a context is done in order, some time later. Used by one thread
 * at a time. */
typedef struct AmalgamContext AmalgamContext;

/* A sequence's part of the rows of a batch; see SequenceRows in ops/device.h. */
typedef struct AmalgamSequence {
  int64_t first;
  int64_t rows;
  int64_t past;
  int64_t slot;
} AmalgamSequence;

/* One block's work in prefilling attention and its gradients: rows tile * AMALGAM_ATTENTION_ROWS and on of a sequence. */
typedef struct AmalgamTile {
  int32_t sequence;
  int32_t tile;
} AmalgamTile;

#define AMALGAM_ATTENTION_ROWS 64
/* Keys of one part in decoding attention. The partial results of a head take head_dim + 2 floats per part. */
#define AMALGAM_ATTENTION_KEYS 256

/* What both attention operators read; all numbers bfloat16, head_dim at most 256. The caches may be null when no sequence
 * has a past. Fastest where head_dim and strides are multiples of 8 and addresses of 16 bytes. */
typedef struct AmalgamAttention {
  AmalgamArray q;
  AmalgamArray k;
  AmalgamArray v;
  AmalgamArray cached_keys;
  AmalgamArray cached_values;
  AmalgamArray out;
  int64_t cache_positions;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  int64_t window; /* 0 for all keys before */
  const AmalgamSequence* device_sequences;
} AmalgamAttention;

/* What the gradients of attention are made of; all numbers bfloat16, head_dim at most 256. No sequence has a past. */
typedef struct AmalgamAttentionBack {
  AmalgamArray q;
  AmalgamArray k;
  AmalgamArray v;
  AmalgamArray out;
  AmalgamArray d_out;
  AmalgamArray d_q;
  AmalgamArray d_k;
  AmalgamArray d_v;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  int64_t window; /* 0 for all keys before */
  const AmalgamSequence* device_sequences;
  float* device_row_facts; /* room for 2 * heads * q.rows */
} AmalgamAttentionBack;

/* Rows next to each other with the same set of coefficients. */
typedef struct AmalgamStretch {
  int64_t first;
  int32_t rows;
  int32_t set;
} AmalgamStretch;

/* Most rows of a stretch: its sum is one thread's work. */
#define AMALGAM_STRETCH_ROWS 64

/* Numbers whose squares one block adds up. */
#define AMALGAM_NORM_PART 16384

/* One step of AdamW: g' = gradient_scale g; m = beta1 m + rest1 g'; v = beta2 v + rest2 g'^2;
 * p = keep p - rate m / (sqrt(v correction2) + epsilon). */
typedef struct AmalgamAdamw {
  float gradient_scale;
  float beta1;
  float rest1; /* 1 - beta1, not rounded before */
  float beta2;
  float rest2;
  float keep;        /* 1 - rate * weight_decay */
  float rate;        /* over 1 - beta1^t */
  float correction2; /* 1 / (1 - beta2^t) */
  float epsilon;
} AmalgamAdamw;

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

  /* Contexts. `cublas` may be null, the matrix products then run on a kernel of our own; its functions must outlive
   * the context. */
  int32_t (*context_open)(int32_t device, const AmalgamCublas* cublas, AmalgamContext** context,
                          AmalgamFailure* failure);
  int32_t (*context_close)(AmalgamContext* context, AmalgamFailure* failure);
  int32_t (*wait)(AmalgamContext* context, AmalgamFailure* failure);
  int32_t (*memory_info)(AmalgamContext* context, uint64_t* free_bytes, uint64_t* total_bytes,
                         AmalgamFailure* failure);

  /* Host memory that the card reads by itself, for copies that return at once. */
  int32_t (*allocate_pinned)(AmalgamContext* context, uint64_t bytes, void** host_memory, AmalgamFailure* failure);
  int32_t (*release_pinned)(AmalgamContext* context, void* host_memory, AmalgamFailure* failure);

  /* In the context's order. Host memory that is not pinned may be used again when the call returns, for results only
   * after `wait`. */
  int32_t (*copy_in)(AmalgamContext* context, void* device_target, const void* source, uint64_t bytes,
                     AmalgamFailure* failure);
  int32_t (*copy_out)(AmalgamContext* context, void* target, const void* device_source, uint64_t bytes,
                      AmalgamFailure* failure);
  int32_t (*fill_zero)(AmalgamContext* context, void* device_memory, uint64_t bytes, AmalgamFailure* failure);

  /* The operators of ops/device.h, in the context's order. Activations and weights are bfloat16, tables of angles and
   * coefficients float; sums run in float. Whole numbers lie on the card. */

  /* out(i, :) = table(ids[i], :). */
  int32_t (*embed)(AmalgamContext* context, AmalgamArray table, const int32_t* device_ids, AmalgamArray out,
                   AmalgamFailure* failure);
  int32_t (*rms_norm)(AmalgamContext* context, AmalgamArray x, AmalgamArray weight, float eps, AmalgamArray out,
                      AmalgamFailure* failure);
  /* out = x w^T, or out += x w^T when `accumulate` is not 0; out is bfloat16 or float. */
  int32_t (*linear)(AmalgamContext* context, AmalgamArray x, AmalgamArray w, AmalgamArray out, int32_t accumulate,
                    AmalgamFailure* failure);
  int32_t (*add_bias)(AmalgamContext* context, AmalgamArray x, AmalgamArray bias, AmalgamFailure* failure);
  /* out(t, r) = u(t, r) * c(set_of_row[t], r) with u and c in float. */
  int32_t (*scale_units)(AmalgamContext* context, AmalgamArray u, AmalgamArray c, const int32_t* device_set_of_row,
                         AmalgamArray out, AmalgamFailure* failure);
  int32_t (*rope)(AmalgamContext* context, AmalgamArray x, int64_t head_dim, const int32_t* device_positions,
                  AmalgamArray cosines, AmalgamArray sines, AmalgamFailure* failure);
  /* Sequences of any number of rows: one block per tile and head. */
  int32_t (*attention_prefill)(AmalgamContext* context, const AmalgamAttention* attention,
                               const AmalgamTile* device_tiles, int64_t tiles, AmalgamFailure* failure);
  /* Sequences of one row each: `parts` is the most parts of AMALGAM_ATTENTION_KEYS keys that one has, and `device_partials`
   * holds sequences * heads * parts * (head_dim + 2) floats. The parts are added in order, so that the result does not
   * depend on which is done first. */
  int32_t (*attention_decode)(AmalgamContext* context, const AmalgamAttention* attention, int64_t sequences,
                              int64_t parts, float* device_partials, AmalgamFailure* failure);
  /* to(target_rows[i], :) = from(i, :) where target_rows[i] >= 0. */
  int32_t (*scatter_rows)(AmalgamContext* context, AmalgamArray from, const int64_t* device_target_rows,
                          AmalgamArray to, AmalgamFailure* failure);
  int32_t (*swiglu)(AmalgamContext* context, AmalgamArray gate, AmalgamArray up, AmalgamArray out,
                    AmalgamFailure* failure);
  int32_t (*add)(AmalgamContext* context, AmalgamArray x, AmalgamArray y, AmalgamFailure* failure);
  /* For every row of logits (float): log_probabilities[t] = log softmax(row)[targets[t]] where targets[t] >= 0, that of
   * the best token where it is AMALGAM_BEST_TOKEN, else left alone; best[t] = the lowest index of the largest logit, or
   * -1 when one of the row is not finite, and log_probabilities[t] then NaN. Both targets and log_probabilities may be
   * null, and best may. */
  int32_t (*token_choices)(AmalgamContext* context, AmalgamArray logits, const int32_t* device_targets,
                           double* device_log_probabilities, int32_t* device_best, AmalgamFailure* failure);

  /* The gradients of ops/device.h ("Backward"), of the same types and in the same order. */

  /* x = 0, and nothing between its rows. */
  int32_t (*clear_rows)(AmalgamContext* context, AmalgamArray x, AmalgamFailure* failure);
  /* d_x = or += d_out w; d_x is bfloat16 or float. */
  int32_t (*linear_back)(AmalgamContext* context, AmalgamArray d_out, AmalgamArray w, AmalgamArray d_x,
                         int32_t accumulate, AmalgamFailure* failure);
  /* d_w += d_out^T x in float. */
  int32_t (*weight_back)(AmalgamContext* context, AmalgamArray d_out, AmalgamArray x, AmalgamArray d_w,
                         AmalgamFailure* failure);
  /* d_c(set, r) += u(t, r) * v(t, r), all float, by stretches of rows in their order; `device_sums` has room for stretches *
   * u.cols. */
  int32_t (*unit_back)(AmalgamContext* context, AmalgamArray u, AmalgamArray v, const AmalgamStretch* device_stretches,
                       int64_t stretches, float* device_sums, AmalgamArray d_c, AmalgamFailure* failure);
  /* out = or += x / (1 - rate) where ops/dropout_mask.h keeps the number, else 0. */
  int32_t (*dropout)(AmalgamContext* context, AmalgamArray x, float rate, uint64_t key, AmalgamArray out,
                     int32_t accumulate, AmalgamFailure* failure);
  /* Accumulates into d_x. */
  int32_t (*rms_norm_back)(AmalgamContext* context, AmalgamArray x, AmalgamArray weight, float eps, AmalgamArray d_out,
                           AmalgamArray d_x, AmalgamFailure* failure);
  int32_t (*rope_back)(AmalgamContext* context, AmalgamArray d_x, int64_t head_dim, const int32_t* device_positions,
                       AmalgamArray cosines, AmalgamArray sines, AmalgamFailure* failure);
  /* Overwrites d_q, d_k and d_v in the rows of the tiles' sequences. */
  int32_t (*attention_back)(AmalgamContext* context, const AmalgamAttentionBack* back, const AmalgamTile* device_tiles,
                            int64_t tiles, AmalgamFailure* failure);
  int32_t (*swiglu_back)(AmalgamContext* context, AmalgamArray gate, AmalgamArray up, AmalgamArray d_out,
                         AmalgamArray d_gate, AmalgamArray d_up, AmalgamFailure* failure);
  /* For every row of logits (float): values[t] = -log softmax(row)[targets[t]], or without targets the entropy of the
   * softmax, NaN when one of the row is not finite; d_logits (bfloat16, may have no data) = weights[t] times its gradient. */
  int32_t (*token_loss)(AmalgamContext* context, AmalgamArray logits, const int32_t* device_targets,
                        const float* device_weights, double* device_values, AmalgamArray d_logits,
                        AmalgamFailure* failure);

  /* Learning; float but for masks and copies, which may have no data. */

  /* device_sums[0] = the sum of g^2 where mask is 1; behind it there is room for one number per AMALGAM_NORM_PART of g. */
  int32_t (*squared_norm)(AmalgamContext* context, AmalgamArray g, AmalgamArray mask, double* device_sums,
                          AmalgamFailure* failure);
  /* `copy` gets p, rounded to its type. Numbers with mask 0 keep p, m and v. */
  int32_t (*adamw)(AmalgamContext* context, AmalgamArray p, AmalgamArray g, AmalgamArray m, AmalgamArray v,
                   AmalgamArray mask, AmalgamAdamw step, AmalgamArray copy, AmalgamFailure* failure);
} AmalgamBackend;

/* The one symbol of the library, AMALGAM_BACKEND_ENTRY. Touches no device. */
typedef const AmalgamBackend* (*AmalgamBackendEntry)(void);

#ifdef __cplusplus
}
#endif
