// Attention by the inner loops of the matrix products. Work is cut into (sequence, head of keys, run of rows); each
// takes the scores of a few rows at a time against all the keys they see, so that the softmax is the plain one.
//
// A row's bits depend on nothing but its query and the keys and values it sees: a score is one sum over head_dim; keys
// are counted from the sequence's first position, whether they lie in the cache or in the batch; the exponentials are
// added in lanes by position; values are added as gemm does, in blocks of gemm_k_block positions. Positions that a row
// does not see count with an exact 0, as long as their values are finite: a NaN may reach rows before it.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/cpu/arrays.h"
#include "ops/cpu/kernels.h"
#include "ops/cpu/operators.h"
#include "ops/cpu/softmax.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

/// Rows of a sequence per piece of work: keys are packed once for all of them.
constexpr std::int64_t rows_of_piece = 256;
/// Rows whose scores are held at a time; a multiple of every kernel's tile_rows.
constexpr std::int64_t rows_of_scores = 48;
static_assert(gemm_k_block % lanes == 0);
/// Products that are done sooner by one thread than other threads are woken.
constexpr std::int64_t products_for_one_thread = 1 << 17;

std::int64_t rounded_up(std::int64_t count, std::int64_t to) { return (count + to - 1) / to * to; }

struct Piece {
  const SequenceRows* sequence;
  std::int64_t kv_head;
  std::int64_t begin;  ///< rows of the sequence
  std::int64_t end;
};

/// Queries of one head in consecutive rows, or of several heads in one row.
struct Queries {
  std::int64_t count;
  std::int64_t query_stride;   ///< from one query to the next
  std::int64_t out_stride;
  std::int64_t first_position;
  std::int64_t position_step;  ///< 1 for rows, 0 for heads
};

struct Operands {
  Array q, k, v;
  const CacheLayer& cache;
  const AttentionShape& shape;
  Array out;
};

/// One worker's memory for one piece.
struct Room {
  float* gathered;  ///< positions x head_dim, keys or values, where they do not lie together
  float* keys;      ///< packed
  float* values;    ///< packed, block of positions by block
  float* queries;   ///< packed
  float* scores;    ///< rows_of_scores x stride
  float* shares;    ///< packed scores of a block of positions
  std::int64_t stride;
};

void divide(float* numbers, std::int64_t count, float divisor) {
  const float factor = 1.0f / divisor;
  core::vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < count; ++i) numbers[i] *= factor;
  });
}

class PieceOfWork {
 public:
  PieceOfWork(Executor& executor, const Operands& operands, const Piece& piece, int worker)
      : kernel_(kernels(executor.instruction_set()).f32), operands_(operands), piece_(piece) {
    const std::int64_t window = operands.shape.window;
    const std::int64_t start = piece.sequence->past + piece.begin;
    const std::int64_t seen_from = window > 0 ? std::max<std::int64_t>(0, start - window + 1) : 0;
    first_ = seen_from / gemm_k_block * gemm_k_block;
    positions_ = piece.sequence->past + piece.end - first_;
    make_room(executor, worker);
  }

  void run() {
    const std::int64_t size = operands_.shape.head_dim;
    const Strided<float> keys = together(operands_.k, operands_.cache.keys);
    kernel_.pack_cols_f32(keys.data, keys.row_stride, 1, positions_, size, room_.keys);
    const Strided<float> values = together(operands_.v, operands_.cache.values);
    for (std::int64_t block = 0; block < positions_; block += gemm_k_block) {
      kernel_.pack_cols_f32(values.data + block * values.row_stride, 1, values.row_stride, size,
                            std::min(gemm_k_block, positions_ - block), room_.values + block * padded_size());
    }
    const std::int64_t group = operands_.shape.heads / operands_.shape.kv_heads;
    const std::int64_t first_head = piece_.kv_head * group;
    const std::int64_t row = piece_.sequence->first;
    const std::int64_t past = piece_.sequence->past;
    if (piece_.end - piece_.begin == 1) {
      const std::int64_t at = row + piece_.begin;
      for (std::int64_t head = 0; head < group; head += rows_of_scores) {
        const std::int64_t col = (first_head + head) * size;
        answer({std::min(rows_of_scores, group - head), size, size, past + piece_.begin, 0},
               row_of(operands_.q, at) + col, row_of(operands_.out, at) + col);
      }
      return;
    }
    for (std::int64_t head = first_head; head < first_head + group; ++head) {
      for (std::int64_t i = piece_.begin; i < piece_.end; i += rows_of_scores) {
        answer({std::min(rows_of_scores, piece_.end - i), operands_.q.stride, operands_.out.stride, past + i, 1},
               row_of(operands_.q, row + i) + head * size, row_of(operands_.out, row + i) + head * size);
      }
    }
  }

 private:
  std::int64_t padded_size() const { return rounded_up(operands_.shape.head_dim, kernel_.tile_cols); }

  void make_room(Executor& executor, int worker) {
    const std::int64_t size = operands_.shape.head_dim;
    const std::int64_t padded_positions = rounded_up(positions_, kernel_.tile_cols);
    room_.stride = rounded_up(positions_, lanes);
    const std::int64_t counts[] = {positions_ * size,      padded_positions * size,          positions_ * padded_size(),
                                   rows_of_scores * size, rows_of_scores * room_.stride, rows_of_scores * gemm_k_block};
    float** const places[] = {&room_.gathered, &room_.keys,   &room_.values,
                              &room_.queries,  &room_.scores, &room_.shares};
    std::int64_t total = 0;
    for (const std::int64_t count : counts) total += rounded_up(count, lanes);
    float* next = reinterpret_cast<float*>(executor.scratch(worker, static_cast<std::size_t>(total) * sizeof(float)));
    for (std::size_t i = 0; i < std::size(counts); ++i) {
      *places[i] = next;
      next += rounded_up(counts[i], lanes);
    }
  }

  /// The keys or values of positions first_ and on: where they lie when all are the batch's own, else copied together.
  Strided<float> together(const Array& own, const Array& kept) const {
    const SequenceRows& sequence = *piece_.sequence;
    const std::int64_t size = operands_.shape.head_dim;
    const std::int64_t col = piece_.kv_head * size;
    if (first_ >= sequence.past) {
      return {row_of(own, sequence.first + first_ - sequence.past) + col, positions_, size, own.stride, 1};
    }
    for (std::int64_t i = 0; i < positions_; ++i) {
      const std::int64_t position = first_ + i;
      const float* from = position < sequence.past ? row_of(kept, sequence.slot * operands_.cache.positions + position)
                                                   : row_of(own, sequence.first + position - sequence.past);
      std::copy_n(from + col, size, room_.gathered + i * size);
    }
    return {room_.gathered, positions_, size, size, 1};
  }

  void answer(const Queries& queries, const float* query, float* out) const {
    const std::int64_t size = operands_.shape.head_dim;
    const std::int64_t last = queries.first_position + (queries.count - 1) * queries.position_step;
    const std::int64_t seen = last + 1 - first_;
    kernel_.pack_rows_f32(query, queries.query_stride, 1, queries.count, size, room_.queries);
    kernel_.multiply(size, room_.queries, room_.keys, {room_.scores, room_.stride, queries.count, seen}, false);

    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    const std::int64_t window = operands_.shape.window;
    float totals[rows_of_scores];
    for (std::int64_t i = 0; i < queries.count; ++i) {
      const std::int64_t position = queries.first_position + i * queries.position_step - first_;
      const std::int64_t low = window > 0 ? std::max<std::int64_t>(0, position - window + 1) : 0;
      totals[i] = exponentials(room_.scores + i * room_.stride, low, position + 1, seen, scale);
    }
    for (std::int64_t block = 0; block < seen; block += gemm_k_block) {
      const std::int64_t steps = std::min(gemm_k_block, seen - block);
      const std::int64_t packed_steps = std::min(gemm_k_block, positions_ - block);
      kernel_.pack_rows_f32(room_.scores + block, room_.stride, 1, queries.count, steps, room_.shares);
      multiply_values(steps, packed_steps, room_.values + block * padded_size(),
                      {out, queries.out_stride, queries.count, size}, block > 0);
    }
    for (std::int64_t i = 0; i < queries.count; ++i) divide(out + i * queries.out_stride, size, totals[i]);
  }

  /// Strips of values hold `packed_steps` positions, of which only the first `steps` are wanted.
  void multiply_values(std::int64_t steps, std::int64_t packed_steps, const float* values, Target<float> target,
                       bool accumulate) const {
    for (std::int64_t col = 0; col < target.cols; col += kernel_.tile_cols) {
      kernel_.multiply(steps, room_.shares, values + col * packed_steps,
                       {target.c + col, target.stride, target.rows, std::min(kernel_.tile_cols, target.cols - col)},
                       accumulate);
    }
  }

  const GemmKernel<float>& kernel_;
  const Operands& operands_;
  const Piece& piece_;
  std::int64_t first_;      ///< position where the piece's keys begin, at a border of blocks
  std::int64_t positions_;  ///< how many there are
  Room room_{};
};

std::vector<Piece> pieces_of(std::span<const SequenceRows> sequences, std::int64_t kv_heads) {
  std::vector<Piece> pieces;
  for (const SequenceRows& sequence : sequences) {
    for (std::int64_t begin = 0; begin < sequence.rows; begin += rows_of_piece) {
      for (std::int64_t head = 0; head < kv_heads; ++head) {
        pieces.push_back({&sequence, head, begin, std::min(begin + rows_of_piece, sequence.rows)});
      }
    }
  }
  return pieces;
}

/// Queries times keys times their length, all heads together.
std::int64_t products_of(std::span<const SequenceRows> sequences, const AttentionShape& shape) {
  std::int64_t pairs = 0;
  for (const SequenceRows& sequence : sequences) pairs += sequence.rows * (sequence.past + sequence.rows);
  return pairs * shape.heads * shape.head_dim;
}

void check_shapes(const Operands& operands, std::span<const SequenceRows> sequences) {
  const AttentionShape& shape = operands.shape;
  require(shape.kv_heads > 0 && shape.heads > 0 && shape.heads % shape.kv_heads == 0 && shape.head_dim > 0,
          "attention: heads");
  const std::int64_t kv_cols = shape.kv_heads * shape.head_dim;
  require(operands.q.cols == shape.heads * shape.head_dim && operands.out.cols == operands.q.cols &&
              operands.k.cols == kv_cols && operands.v.cols == kv_cols,
          "attention: columns");
  require(operands.q.rows == operands.k.rows && operands.q.rows == operands.v.rows &&
              operands.q.rows == operands.out.rows,
          "attention: rows");
  for (const Array& array : {operands.q, operands.k, operands.v, operands.out}) {
    require(array.type == core::DType::F32, "attention: activations are F32");
  }
  for (const SequenceRows& sequence : sequences) {
    require(sequence.first >= 0 && sequence.rows >= 0 && sequence.first + sequence.rows <= operands.q.rows &&
                sequence.past >= 0,
            "attention: a sequence outside the batch");
    if (sequence.past == 0) continue;
    const CacheLayer& cache = operands.cache;
    require(sequence.slot >= 0 && sequence.past <= cache.positions &&
                (sequence.slot + 1) * cache.positions <= cache.keys.rows && cache.keys.rows == cache.values.rows &&
                cache.keys.cols == kv_cols && cache.values.cols == kv_cols &&
                cache.keys.type == core::DType::F32 && cache.values.type == core::DType::F32,
            "attention: a past that is not in the cache");
  }
}

}  // namespace

void cpu::attention(Executor& executor, Array q, Array k, Array v, const CacheLayer& cache,
                    std::span<const SequenceRows> sequences, const AttentionShape& shape, Array out) {
  const Operands operands{q, k, v, cache, shape, out};
  check_shapes(operands, sequences);
  const std::vector<Piece> pieces = pieces_of(sequences, shape.kv_heads);
  std::atomic<std::size_t> next{0};  // pieces differ in size, so each thread takes the next one when it is ready
  const auto work = [&](int worker) {
    for (std::size_t i = next++; i < pieces.size(); i = next++) {
      executor.cancel().check();
      PieceOfWork(executor, operands, pieces[i], worker).run();
    }
  };
  if (products_of(sequences, shape) <= products_for_one_thread) return work(0);
  executor.pool().parallel_for(executor.pool().threads(),
                               [&](std::int64_t, std::int64_t, int worker) { work(worker); });
}

}  // namespace amalgam::ops
