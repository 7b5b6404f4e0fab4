// The gradient of attention by the inner loops of the matrix products. Work is cut into (sequence, head of keys), whose
// rows of d_q, d_k and d_v one thread writes alone; it takes a few rows of a head at a time, heads and rows in order,
// and makes their scores anew. With the softmax P of a row's scores and D = out . d_out, row by row:
//   d_v += P^T d_out,  G = P (d_out v^T - D) / sqrt(head_dim),  d_q = G k,  d_k += G^T q
// (Dao et al. 2022). So a sequence's bits depend on its own rows only. Positions that a row does not see count with an
// exact 0, as long as what stands there is finite.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "ops/cpu/arrays.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/operators.h"
#include "ops/cpu/softmax.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

/// Rows whose scores are held at a time; a multiple of every kernel's tile_rows.
constexpr std::int64_t rows_at_once = 48;
/// Products that are done sooner by one thread than other threads are woken.
constexpr std::int64_t products_for_one_thread = 1 << 17;

std::int64_t rounded_up(std::int64_t count, std::int64_t to) { return (count + to - 1) / to * to; }

struct Operands {
  Array q, k, v, out, d_out;
  const AttentionShape& shape;
  Array d_q, d_k, d_v;
};

struct Unit {
  const SequenceRows* sequence;
  std::int64_t kv_head;
};

/// One worker's memory for one unit; all but the scores and shares packed.
struct Room {
  float* keys;         ///< for q k^T
  float* values;       ///< for d_out v^T
  float* keys_along;   ///< for G k, block of positions by block
  float* rows;         ///< of q, then of d_out, as left factors
  float* queries;      ///< of some rows, for G^T q
  float* d_outs;       ///< likewise, for P^T d_out
  float* scores;       ///< rows_at_once x stride: becomes P
  float* shares;       ///< rows_at_once x stride: becomes G
  float* left;         ///< scores or shares as a left factor
  std::int64_t stride;
};

float dot(const float* x, const float* y, std::int64_t count) {
  float result = 0;
  core::vectorised([&]() AMALGAM_INLINE {
    Lanes sums{};
    Lanes left;
    Lanes right;
    std::int64_t i = 0;
    for (; i + lanes <= count; i += lanes) {
      load(left, x + i);
      load(right, y + i);
      sums += left * right;
    }
    load_part(left, x + i, count - i, 0.0f);
    load_part(right, y + i, count - i, 0.0f);
    sums += left * right;
    result = sum_of(sums);
  });
  return result;
}

/// Exponentials with the sum `total` become P, d_out v^T becomes G; nothing but 0 outside [low, high) of `count`.
void finish_row(float* scores, float* shares, std::int64_t low, std::int64_t high, std::int64_t count, float total,
                float mean, float scale) {
  const float factor = 1.0f / total;
  core::vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < low; ++i) shares[i] = 0.0f;
    for (std::int64_t i = low; i < high; ++i) {
      scores[i] *= factor;
      shares[i] = scores[i] * (shares[i] - mean) * scale;
    }
    for (std::int64_t i = high; i < count; ++i) shares[i] = 0.0f;
  });
}

class UnitOfWork {
 public:
  UnitOfWork(Executor& executor, const Operands& operands, const Unit& unit, int worker)
      : kernel_(kernels(executor.instruction_set()).f32), operands_(operands), first_row_(unit.sequence->first),
        positions_(unit.sequence->rows), size_(operands.shape.head_dim), kv_col_(unit.kv_head * size_),
        padded_size_(rounded_up(size_, kernel_.tile_cols)) {
    make_room(executor, worker);
  }

  void run() {
    for (std::int64_t i = 0; i < positions_; ++i) {
      std::fill_n(row_of(operands_.d_k, first_row_ + i) + kv_col_, size_, 0.0f);
      std::fill_n(row_of(operands_.d_v, first_row_ + i) + kv_col_, size_, 0.0f);
    }
    const float* keys = row_of(operands_.k, first_row_) + kv_col_;
    const float* values = row_of(operands_.v, first_row_) + kv_col_;
    kernel_.pack_cols_f32(keys, operands_.k.stride, 1, positions_, size_, room_.keys);
    kernel_.pack_cols_f32(values, operands_.v.stride, 1, positions_, size_, room_.values);
    for (std::int64_t block = 0; block < positions_; block += gemm_k_block) {
      kernel_.pack_cols_f32(keys + block * operands_.k.stride, 1, operands_.k.stride, size_, block_steps(block),
                            room_.keys_along + block * padded_size_);
    }
    const std::int64_t group = operands_.shape.heads / operands_.shape.kv_heads;
    for (std::int64_t head = 0; head < group; ++head) {
      for (std::int64_t i = 0; i < positions_; i += rows_at_once) {
        back(kv_col_ * group + head * size_, i, std::min(rows_at_once, positions_ - i));
      }
    }
  }

 private:
  std::int64_t block_steps(std::int64_t block) const { return std::min(gemm_k_block, positions_ - block); }

  void make_room(Executor& executor, int worker) {
    const std::int64_t padded_positions = rounded_up(positions_, kernel_.tile_cols);
    room_.stride = rounded_up(positions_, lanes);
    const std::int64_t left = std::max(gemm_k_block, rounded_up(positions_, kernel_.tile_rows));
    const std::int64_t counts[] = {padded_positions * size_,      padded_positions * size_,
                                   positions_ * padded_size_,     rows_at_once * size_,
                                   rows_at_once * padded_size_,   rows_at_once * padded_size_,
                                   rows_at_once * room_.stride,   rows_at_once * room_.stride,
                                   rows_at_once * left};
    float** const places[] = {&room_.keys,   &room_.values, &room_.keys_along, &room_.rows, &room_.queries,
                              &room_.d_outs, &room_.scores, &room_.shares,     &room_.left};
    static_assert(std::size(counts) == std::size(places));
    std::int64_t total = 0;
    for (const std::int64_t count : counts) total += rounded_up(count, lanes);
    float* next = reinterpret_cast<float*>(executor.scratch(worker, static_cast<std::size_t>(total) * sizeof(float)));
    for (std::size_t i = 0; i < std::size(counts); ++i) {
      *places[i] = next;
      next += rounded_up(counts[i], lanes);
    }
  }

  /// `count` rows from the sequence's row `begin` on, of the head whose columns begin at `col`.
  void back(std::int64_t col, std::int64_t begin, std::int64_t count) const {
    const std::int64_t window = operands_.shape.window;
    const std::int64_t seen_from = window > 0 ? std::max<std::int64_t>(0, begin - window + 1) : 0;
    const std::int64_t low = seen_from / gemm_k_block * gemm_k_block;
    const std::int64_t seen = begin + count - low;
    const std::int64_t row = first_row_ + begin;
    const float* q = row_of(operands_.q, row) + col;
    const float* d_out = row_of(operands_.d_out, row) + col;
    multiply_rows(q, operands_.q.stride, room_.keys + low * size_, room_.scores, count, seen);
    multiply_rows(d_out, operands_.d_out.stride, room_.values + low * size_, room_.shares, count, seen);
    const float scale = 1.0f / std::sqrt(static_cast<float>(size_));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t high = begin + i + 1;
      const std::int64_t own_low = (window > 0 ? std::max(low, high - window) : low) - low;
      const float mean = dot(row_of(operands_.out, row + i) + col, d_out + i * operands_.d_out.stride, size_);
      float* scores = room_.scores + i * room_.stride;
      const float total = exponentials(scores, own_low, high - low, seen, scale);
      finish_row(scores, room_.shares + i * room_.stride, own_low, high - low, seen, total, mean, scale);
    }
    kernel_.pack_cols_f32(q, 1, operands_.q.stride, size_, count, room_.queries);
    kernel_.pack_cols_f32(d_out, 1, operands_.d_out.stride, size_, count, room_.d_outs);
    add_to_keys(room_.scores, room_.d_outs, operands_.d_v, low, count, seen);
    add_to_keys(room_.shares, room_.queries, operands_.d_k, low, count, seen);
    multiply_keys(row_of(operands_.d_q, row) + col, low, count, seen);
  }

  /// out = rows times packed keys or values.
  void multiply_rows(const float* rows, std::int64_t stride, const float* packed, float* out, std::int64_t count,
                     std::int64_t seen) const {
    kernel_.pack_rows_f32(rows, stride, 1, count, size_, room_.rows);
    kernel_.multiply(size_, room_.rows, packed, {out, room_.stride, count, seen}, false);
  }

  /// d_k or d_v += numbers^T times packed rows.
  void add_to_keys(const float* numbers, const float* packed, const Array& target, std::int64_t low, std::int64_t count,
                   std::int64_t seen) const {
    kernel_.pack_rows_f32(numbers, 1, room_.stride, seen, count, room_.left);
    kernel_.multiply(count, room_.left, packed,
                     {row_of(target, first_row_ + low) + kv_col_, target.stride, seen, size_}, true);
  }

  /// d_q = shares times keys. Strips of keys hold all positions of their block, of which the first are wanted.
  void multiply_keys(float* d_q, std::int64_t low, std::int64_t count, std::int64_t seen) const {
    const std::int64_t stride = operands_.d_q.stride;
    for (std::int64_t done = 0; done < seen; done += gemm_k_block) {
      const std::int64_t block = low + done;
      const std::int64_t steps = std::min(gemm_k_block, seen - done);
      kernel_.pack_rows_f32(room_.shares + done, room_.stride, 1, count, steps, room_.left);
      const float* keys = room_.keys_along + block * padded_size_;
      for (std::int64_t col = 0; col < size_; col += kernel_.tile_cols) {
        kernel_.multiply(steps, room_.left, keys + col * block_steps(block),
                         {d_q + col, stride, count, std::min(kernel_.tile_cols, size_ - col)}, done > 0);
      }
    }
  }

  const GemmKernel<float>& kernel_;
  const Operands& operands_;
  std::int64_t first_row_;
  std::int64_t positions_;
  std::int64_t size_;
  std::int64_t kv_col_;
  std::int64_t padded_size_;
  Room room_{};
};

void check_shapes(const Operands& operands, std::span<const SequenceRows> sequences) {
  const AttentionShape& shape = operands.shape;
  require(shape.kv_heads > 0 && shape.heads > 0 && shape.heads % shape.kv_heads == 0 && shape.head_dim > 0,
          "attention_back: heads");
  const auto fits = [&](const Array& array, std::int64_t heads) {
    return array.type == core::DType::F32 && array.rows == operands.q.rows && array.cols == heads * shape.head_dim;
  };
  for (const Array& array : {operands.q, operands.out, operands.d_out, operands.d_q}) {
    require(fits(array, shape.heads), "attention_back: arrays of queries");
  }
  for (const Array& array : {operands.k, operands.v, operands.d_k, operands.d_v}) {
    require(fits(array, shape.kv_heads), "attention_back: arrays of keys");
  }
  for (const SequenceRows& sequence : sequences) {
    require(sequence.past == 0, "attention_back: a sequence with a past");
    require(sequence.first >= 0 && sequence.rows >= 0 && sequence.first + sequence.rows <= operands.q.rows,
            "attention_back: a sequence outside the batch");
  }
}

}  // namespace

void cpu::attention_back(Executor& executor, Array q, Array k, Array v, Array out, Array d_out,
                         std::span<const SequenceRows> sequences, const AttentionShape& shape, Array d_q, Array d_k,
                         Array d_v) {
  const Operands operands{q, k, v, out, d_out, shape, d_q, d_k, d_v};
  check_shapes(operands, sequences);
  std::vector<Unit> units;
  std::int64_t pairs = 0;
  for (const SequenceRows& sequence : sequences) {
    if (sequence.rows == 0) continue;
    for (std::int64_t head = 0; head < shape.kv_heads; ++head) units.push_back({&sequence, head});
    pairs += sequence.rows * sequence.rows;
  }
  std::atomic<std::size_t> next{0};  // units differ in size, so each thread takes the next one when it is ready
  const auto work = [&](int worker) {
    for (std::size_t i = next++; i < units.size(); i = next++) {
      executor.cancel().check();
      UnitOfWork(executor, operands, units[i], worker).run();
    }
  };
  if (pairs * shape.heads * shape.head_dim <= products_for_one_thread) return work(0);
  executor.pool().parallel_for(executor.pool().threads(),
                               [&](std::int64_t, std::int64_t, int worker) { work(worker); });
}

}  // namespace amalgam::ops
