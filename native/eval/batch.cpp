#include "eval/batch.h"

#include <algorithm>
#include <span>

namespace amalgam::eval {

namespace {

/// Rows whose logits are asked for at a time.
constexpr std::int64_t most_picked = 1024;

}  // namespace

void Batch::clear() {
  sequences_.clear();
  wishes_.clear();
  answers_.clear();
  tokens_ = 0;
}

std::int64_t Batch::add(const model::Sequence& sequence) {
  const std::int64_t first = tokens_;
  sequences_.push_back(sequence);
  tokens_ += static_cast<std::int64_t>(sequence.tokens.size());
  return first;
}

std::size_t Batch::want_probability(std::int64_t row, std::int32_t target) {
  wishes_.push_back({static_cast<std::int32_t>(row), target});
  return wishes_.size() - 1;
}

std::size_t Batch::want_best(std::int64_t row) {
  wishes_.push_back({static_cast<std::int32_t>(row), -1});
  return wishes_.size() - 1;
}

std::size_t Batch::planned_bytes(const ops::Device& device, const model::Config& config) {
  return ops::array_bytes(device.activations(), most_picked, config.hidden);
}

void Batch::run(model::Model& model, model::KvCache* cache) {
  const ops::Array hidden = model.forward(sequences_, cache);
  if (picked_.bytes() == 0) {
    picked_ = ops::DeviceArray(model.device(), model.device().activations(), most_picked, model.config().hidden);
  }
  answers_.resize(wishes_.size());
  answer_wishes(model, hidden, false);
  answer_wishes(model, hidden, true);
}

/// The wishes for the best token, or the others. Rows are put next to each other, so that the head meets only those.
void Batch::answer_wishes(model::Model& model, ops::Array hidden, bool best) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    if ((wishes_[i].target < 0) == best) numbers.push_back(i);
  }
  ops::Device& device = model.device();
  for (std::size_t first = 0; first < numbers.size(); first += most_picked) {
    const std::span<const std::size_t> chunk =
        std::span(numbers).subspan(first, std::min<std::size_t>(most_picked, numbers.size() - first));
    std::vector<std::int32_t> rows;
    std::vector<std::int32_t> targets;
    for (const std::size_t number : chunk) {
      rows.push_back(wishes_[number].row);
      targets.push_back(wishes_[number].target);
    }
    const ops::Array picked = picked_.view().row_range(0, static_cast<std::int64_t>(chunk.size()));
    device.embed(hidden, rows, picked);
    if (best) {
      device.token_choices(picked, model.head(), {}, {}, targets);
      // A row that is not finite has no best token; any target then gives NaN.
    }
    std::vector<std::int32_t> scored = targets;
    std::ranges::replace(scored, -1, 0);
    std::vector<double> logs(chunk.size());
    device.token_choices(picked, model.head(), scored, logs, {});
    for (std::size_t i = 0; i < chunk.size(); ++i) answers_[chunk[i]] = {logs[i], targets[i]};
  }
}

}  // namespace amalgam::eval
