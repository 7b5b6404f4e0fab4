// The operators of the engine, and where they run. The model is written once against this class; the processor's
// implementation (ops/cpu/cpu_device.h) is the plain reference, the CUDA one (ops/cuda/cuda_device.h) goes through the
// table of backend.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/cancel.h"
#include "core/dtype.h"
#include "ops/gemm.h"

namespace amalgam::ops {

/// rows x cols numbers in a device's memory, row-major; masks are U8 of 0 and 1. Element (i, j) is the (i * stride + j)-th from `data`. Owns
/// nothing.
struct Array {
  void* data = nullptr;
  core::DType type = core::DType::F32;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next, at least cols

  /// `count` rows from `first` on, and the same for columns, sharing the memory.
  Array row_range(std::int64_t first, std::int64_t count) const;
  Array col_range(std::int64_t first, std::int64_t count) const;
};

/// Bytes of an array without gaps.
std::size_t array_bytes(core::DType type, std::int64_t rows, std::int64_t cols);

/// A sequence's part of the rows of a batch. Its keys are `past` positions of cache slot `slot`, then its own rows.
struct SequenceRows {
  std::int64_t first = 0;  ///< its first row
  std::int64_t rows = 0;
  std::int64_t past = 0;   ///< positions before the first row, kept in the cache; 0 for a sequence that starts here
  std::int64_t slot = -1;  ///< cache slot that holds them; -1 when past is 0 and nothing is to be kept
};

/// Sizes of an attention operator. heads is a multiple of kv_heads.
struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t window = 0;  ///< query position q sees keys k with 0 <= q - k < window; 0 for all before it
};

/// Keys and values of one layer: for each slot `positions` rows of kv_heads * head_dim numbers.
struct CacheLayer {
  Array keys;    ///< (slots * positions) x (kv_heads * head_dim)
  Array values;
  std::int64_t positions = 0;
};

struct DeviceMemory {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};

/// A target of token_choices: the row's best token, whichever that is.
inline constexpr std::int32_t best_token = -2;

/// What a row of logits is judged by.
enum class TokenObjective { cross_entropy, entropy };

/// One step of AdamW, t counted from 1: g' = gradient_scale g; p <- p (1 - rate * weight_decay);
/// m <- beta1 m + (1 - beta1) g'; v <- beta2 v + (1 - beta2) g'^2;
/// p <- p - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
struct AdamwStep {
  std::int64_t t = 1;
  double rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double gradient_scale = 1;
};

/// One device, used by one thread at a time. Operators may return before they are done; what the host reads (download,
/// token_choices) waits. All throw core::Error: "out-of-memory" naming the bytes asked for, "cuda-error", "device-lost"
/// when the card is gone (nothing works on this object after that), "cancelled" between panels. Shapes or types that do
/// not fit are a bug and throw std::logic_error. Sums run in float whatever the stored types.
class Device {
 public:
  virtual ~Device() = default;

  /// "cpu" or "cuda:0".
  virtual std::string name() const = 0;
  /// How activations are stored: F32 on the processor, BF16 on CUDA.
  virtual core::DType activations() const = 0;
  /// How coefficients, factors that are trained, and their gradients are stored: F32.
  virtual core::DType accumulators() const { return core::DType::F32; }
  /// How weights of that file type are stored: as they are on the processor, BF16 on CUDA.
  virtual core::DType stored(core::DType file_type) const = 0;
  virtual DeviceMemory memory() const = 0;

  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* data) noexcept = 0;
  /// Copies; the host's memory may be used again when they return.
  virtual void upload(void* to, const void* host, std::size_t bytes) = 0;
  virtual void download(void* host, const void* from, std::size_t bytes) = 0;
  virtual void fill_zero(void* data, std::size_t bytes) = 0;
  /// Waits until all that was asked for is done.
  virtual void wait() = 0;

  /// out[i] = table[ids[i]], i < out.rows; ids lie on the host and within the table.
  virtual void embed(Array table, std::span<const std::int32_t> ids, Array out) = 0;

  /// out(i, j) = x(i, j) / sqrt(mean_j x(i, j)^2 + eps) * weight[j] (Zhang and Sennrich 2019), weight 1 x cols. May be
  /// in place.
  virtual void rms_norm(Array x, Array weight, float eps, Array out) = 0;

  /// out = x w^T, or out += x w^T: x is T x in, w is out x in. On the processor the bits of an element
  /// depend on its own row of x and of w only; on a card also on the number of rows.
  virtual void linear(Array x, Array w, Array out, Into into) = 0;
  /// x(i, j) += bias[j], bias 1 x cols.
  virtual void add_bias(Array x, Array bias) = 0;

  /// out(t, :) += ((x(t, :) a^T) . c(set_of_row[t], :)) b^T, the update of rank units: a is R x in, b is out x R, c
  /// sets x R in F32.
  virtual void add_units(Array x, Array a, Array b, Array c, std::span<const std::int32_t> set_of_row, Array out) = 0;

  /// Rotates the two halves of every head of x by the angles of the row's position (Su et al. 2021, as in Llama):
  /// x is T x (heads * head_dim), cosines and sines are positions x (head_dim / 2) in F32, positions lie on the host.
  virtual void rope(Array x, std::int64_t head_dim, std::span<const std::int32_t> positions,
                    Array cosines, Array sines) = 0;

  /// Causal attention within each sequence, softmax(q k^T / sqrt(head_dim)) v, head by head, with grouped keys (Ainslie
  /// et al. 2023). q and out are T x (heads * head_dim); k and v are T x (kv_heads * head_dim), of the batch's own
  /// rows.
  virtual void attention(Array q, Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences,
                         const AttentionShape& shape, Array out) = 0;
  /// Puts the rows of every sequence that has a slot into the cache, after its `past` positions.
  virtual void keep_keys(Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences) = 0;

  /// out = gate / (1 + exp(-gate)) * up (Shazeer 2020). out may be gate.
  virtual void swiglu(Array gate, Array up, Array out) = 0;
  /// x += y.
  virtual void add(Array x, Array y) = 0;

  /// For every row of x (T x hidden) and the head w (vocabulary x hidden), in chunks of rows, never all logits at once:
  /// log_probabilities[t] = log softmax(x w^T)[targets[t]] where targets[t] >= 0 or best_token; best[t] = the lowest
  /// index of the largest logit, or -1 when one of the row's logits is not finite (log_probabilities[t] is then NaN).
  /// Either may be empty. All lie on the host.
  virtual void token_choices(Array x, Array w, std::span<const std::int32_t> targets,
                             std::span<double> log_probabilities, std::span<std::int32_t> best) = 0;

  // Backward. d_x is the gradient of a number with respect to x. Sequences have no past here: all their keys are rows of
  // the batch. Gradients of activations are stored as activations are, those of factors and coefficients in F32.

  /// d_x = d_out w, or d_x += d_out w: d_out is T x out, w is out x in.
  virtual void linear_back(Array d_out, Array w, Array d_x, Into into) = 0;
  /// d_w += d_out^T x: d_out is T x out, x is T x in, d_w is out x in in F32.
  virtual void weight_back(Array d_out, Array x, Array d_w) = 0;
  /// out(t, r) = u(t, r) * c(set_of_row[t], r): u is T x R in F32, c sets x R in F32, out of the activation type. May be
  /// in place where the types agree.
  virtual void scale_units(Array u, Array c, std::span<const std::int32_t> set_of_row, Array out) = 0;
  /// d_c(set_of_row[t], r) += u(t, r) * v(t, r), in the order of the rows; u and v are T x R in F32, d_c sets x R in F32:
  /// the gradient of every unit's coefficient from one elementwise reduction (ENGINE.md D.4).
  virtual void unit_back(Array u, Array v, std::span<const std::int32_t> set_of_row, Array d_c) = 0;
  /// out(t, j) = or += x(t, j) / (1 - rate) where a random number of (key, t, j) is at least rate, else 0 (Srivastava et
  /// al. 2014). The same call with the gradient is its backward. rate in [0, 1). out may be x for overwrite.
  virtual void dropout(Array x, float rate, std::uint64_t key, Array out, Into into) = 0;
  /// d_x += the gradient through rms_norm(x, weight, eps) of d_out. d_x may not be d_out.
  virtual void rms_norm_back(Array x, Array weight, float eps, Array d_out, Array d_x) = 0;
  /// Takes a gradient back through rope, in place: the rotation by the opposite angles.
  virtual void rope_back(Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
                         Array sines) = 0;
  /// d_q, d_k and d_v (overwritten) of attention without caches, whose result was `out`.
  virtual void attention_back(Array q, Array k, Array v, Array out, Array d_out,
                              std::span<const SequenceRows> sequences, const AttentionShape& shape, Array d_q, Array d_k,
                              Array d_v) = 0;
  /// d_gate and d_up (overwritten) of swiglu. d_gate may be gate, d_up may be up.
  virtual void swiglu_back(Array gate, Array up, Array d_out, Array d_gate, Array d_up) = 0;
  /// For every row t of x (T x hidden) with weights[t] != 0 and the head w (vocabulary x hidden), in chunks of rows, never
  /// all logits at once: values[t] = -log softmax(x w^T)[targets[t]], or for the entropy -sum_j p_j log p_j of that
  /// softmax, in nats; d_x(t, :) = weights[t] times the gradient of values[t]. Elsewhere values[t] and d_x(t, :) become
  /// 0. d_x without data: only values. A row with a logit that is not finite has NaN for its value and gradient. Targets
  /// are not read for the entropy. targets, weights and values lie on the host.
  virtual void token_loss(TokenObjective objective, Array x, Array w, std::span<const std::int32_t> targets,
                          std::span<const float> weights, std::span<double> values, Array d_x) = 0;

  // Learning; all F32 but masks and copies.

  /// sum of g^2 over all elements, or those with mask 1, in double, in a fixed order. Not finite when an element is not.
  virtual double squared_norm(Array g, Array mask) = 0;
  /// One step of AdamW (Loshchilov and Hutter 2019, decoupled): see AdamwStep. `copy` gets p rounded to its type and may
  /// have no data. Elements with mask 0 keep p, m and v.
  virtual void adamw(Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step, Array copy) = 0;
};

/// Memory of a device, released at the end.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(Device& device, std::size_t bytes);
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Device* device_ = nullptr;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// An array with memory of its own, without gaps, never zeroed.
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(Device& device, core::DType type, std::int64_t rows, std::int64_t cols);
  Array view() const { return array_; }
  std::size_t bytes() const { return buffer_.bytes(); }

 private:
  DeviceBuffer buffer_;
  Array array_;
};

/// The device of that name: "cpu", or "cuda:N". Throws Error "device-unknown" saying which there are and why CUDA is
/// not. `cancel` must outlive the device.
std::unique_ptr<Device> open_device(const std::string& name, int threads, const core::CancelToken& cancel);

}  // namespace amalgam::ops
