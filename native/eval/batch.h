// One forward pass: the sequences that go into it, and what is wanted of their rows.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model.h"
#include "ops/device.h"

namespace amalgam::eval {

/// What a row's logits say. `token` is -1 and the logarithm NaN when one of them is not finite.
struct Verdict {
  double log_probability = 0;
  std::int32_t token = 0;
};

/// Collects sequences and wishes, then answers the wishes in the order in which they were made.
class Batch {
 public:
  void clear();

  /// Adds a sequence and returns the row of its first token. Its tokens must live until run().
  std::int64_t add(const model::Sequence& sequence);
  /// The log-probability of `target` after that row; several wishes may name one row.
  std::size_t want_probability(std::int64_t row, std::int32_t target);
  /// The likeliest token after that row, with its log-probability.
  std::size_t want_best(std::int64_t row);

  std::int64_t tokens() const { return tokens_; }
  bool is_empty() const { return sequences_.empty(); }

  /// Bytes of run()'s own device memory for models of that size.
  static std::size_t planned_bytes(const ops::Device& device, const model::Config& config);

  /// Runs the pass; answers()[i] belongs to the wish of number i.
  void run(model::Model& model, model::KvCache* cache);
  const std::vector<Verdict>& answers() const { return answers_; }

 private:
  void answer_wishes(model::Model& model, ops::Array hidden, std::size_t first, std::size_t count);

  struct Wish {
    std::int32_t row = 0;
    std::int32_t target = 0;  ///< or ops::best_token
  };
  std::vector<model::Sequence> sequences_;
  std::vector<Wish> wishes_;
  std::vector<Verdict> answers_;
  std::int64_t tokens_ = 0;
  ops::DeviceArray picked_;  ///< rows that are wanted, next to each other
};

}  // namespace amalgam::eval
