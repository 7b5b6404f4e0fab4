#include "eval/batch.h"

#include <algorithm>

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
  wishes_.push_back({static_cast<std::int32_t>(row), ops::best_token});
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
  for (std::size_t first = 0; first < wishes_.size(); first += most_picked) {
    answer_wishes(model, hidden, first, std::min<std::size_t>(most_picked, wishes_.size() - first));
  }
}

/// Rows that are wanted are put next to each other, so that the head meets only those.
void Batch::answer_wishes(model::Model& model, ops::Array hidden, std::size_t first, std::size_t count) {
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> targets;
  for (std::size_t i = first; i < first + count; ++i) {
    rows.push_back(wishes_[i].row);
    targets.push_back(wishes_[i].target);
  }
  const bool wants_best = std::ranges::find(targets, ops::best_token) != targets.end();
  std::vector<double> logs(count);
  std::vector<std::int32_t> best(wants_best ? count : 0);
  const ops::Array picked = picked_.view().row_range(0, static_cast<std::int64_t>(count));
  model.device().embed(hidden, rows, picked);
  model.device().token_choices(picked, model.head(), targets, logs, best);
  for (std::size_t i = 0; i < count; ++i) {
    answers_[first + i] = {logs[i], targets[i] == ops::best_token ? best[i] : targets[i]};
  }
}

}  // namespace amalgam::eval
