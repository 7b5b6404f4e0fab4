#include "eval/logits.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "eval/request.h"
#include "eval/stacks.h"
#include "lora/factors.h"
#include "lora/request_field.h"
#include "model/model.h"

namespace amalgam::eval {

namespace {

using core::DType;
using core::Json;
using lora::Field;

constexpr std::int64_t rows_together = 64;      // whose logits are on the device at a time
constexpr std::int64_t tokens_together = 2048;  // of a forward pass, or one sequence that is longer

struct Query {
  Tokens tokens;
  std::int32_t subject = 0;
};

/// What the request has in common with an evaluation's.
Request read_subjects(const Json& request) {
  Json evaluation =
      Json::object({{"memoryBytes", 0}, {"batchTokens", 0}, {"items", Json::array()}, {"work", Json::array()}});
  for (const char* key : {"model", "device", "threads", "adapters", "subjects", "outFile"}) {
    evaluation.set(key, request.at(key));
  }
  return read_request(evaluation);
}

std::vector<Query> read_queries(const Json& request, const Request& subjects, const model::Config& config) {
  const Field root(request, "");
  const std::vector<Field> sequences = root.at("sequences").items();
  const std::vector<Field> subject_of = root.at("subjectOf").items();
  if (subject_of.size() != sequences.size()) throw root.at("subjectOf").refuse("must have one number per sequence");
  const auto last_subject = static_cast<std::int64_t>(subjects.subjects.size()) - 1;
  std::vector<Query> queries;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    Query& query = queries.emplace_back();
    for (const Field& token : sequences[i].some_items()) {
      query.tokens.push_back(static_cast<std::int32_t>(token.integer(0, config.vocabulary - 1)));
    }
    if (static_cast<std::int64_t>(query.tokens.size()) > config.max_positions) {
      throw sequences[i].refuse("has more tokens than the model has positions, " +
                                std::to_string(config.max_positions));
    }
    query.subject = static_cast<std::int32_t>(subject_of[i].integer(0, last_subject));
  }
  return queries;
}

std::string logits_name(std::size_t query) { return "logits." + std::to_string(query); }

/// Works through the queries, those of one stack after each other.
class LogitsWriter {
 public:
  LogitsWriter(model::Model& model, const Request& request, const std::vector<Query>& queries)
      : model_(model), request_(request), queries_(queries), writer_(request.out_file, plan(), {}) {
    logits_ = ops::DeviceArray(model.device(), DType::F32, rows_together, model.config().vocabulary);
    numbers_.resize(static_cast<std::size_t>(rows_together * model.config().vocabulary));
  }

  void run(Stacks& stacks, core::Progress& progress, const core::CancelToken& cancel) {
    std::vector<std::size_t> order(queries_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto stack_of = [&](std::size_t query) { return stacks.place(queries_[query].subject).stack; };
    std::ranges::stable_sort(order, {}, stack_of);
    for (std::size_t first = 0; first < order.size();) {
      std::vector<model::Sequence> batch;
      std::int64_t tokens = 0;
      std::size_t end = first;
      for (; end < order.size(); ++end) {
        const Query& query = queries_[order[end]];
        const auto count = static_cast<std::int64_t>(query.tokens.size());
        if (end > first && tokens + count > tokens_together) break;
        tokens += count;
        batch.push_back(sequence(query, stacks, cancel));
      }
      write(std::span(order).subspan(first, end - first), model_.forward(batch, nullptr), progress);
      first = end;
    }
    writer_.finish();
  }

 private:
  std::vector<core::TensorPlan> plan() const {
    std::vector<core::TensorPlan> plan;
    for (std::size_t i = 0; i < queries_.size(); ++i) {
      plan.push_back({logits_name(i), DType::F32,
                      {static_cast<std::int64_t>(queries_[i].tokens.size()), model_.config().vocabulary}});
    }
    return plan;
  }

  model::Sequence sequence(const Query& query, Stacks& stacks, const core::CancelToken& cancel) {
    const StackPlace place = stacks.place(query.subject);
    model::Sequence sequence{.tokens = query.tokens, .set = place.set};
    if (place.stack < 0) return sequence;
    sequence.units = stacks.load(model_.device(), place.stack, cancel);
    if (sequence.units == nullptr) throw core::Error(stacks.failure(place.stack));
    return sequence;
  }

  void write(std::span<const std::size_t> batch, ops::Array hidden, core::Progress& progress) {
    std::int64_t row = 0;
    for (const std::size_t query : batch) {
      const auto tokens = static_cast<std::int64_t>(queries_[query].tokens.size());
      for (std::int64_t first = 0; first < tokens; first += rows_together) {
        const std::int64_t rows = std::min(rows_together, tokens - first);
        write_rows(query, first, hidden.row_range(row + first, rows));
      }
      row += tokens;
      progress.advance(1);
    }
  }

  void write_rows(std::size_t query, std::int64_t first, ops::Array hidden) {
    const ops::Array logits = logits_.view().row_range(0, hidden.rows);
    model_.device().linear(hidden, model_.head(), logits, ops::Into::overwrite);
    const std::int64_t count = logits.rows * logits.cols;
    model_.device().download(numbers_.data(), logits.data, ops::array_bytes(DType::F32, logits.rows, logits.cols));
    if (lora::first_non_finite(numbers_.data(), count) < count) {
      const Subject& subject = request_.subjects[static_cast<std::size_t>(queries_[query].subject)];
      throw core::Error("not-finite", "The logits of " + subject.name + " are not finite.");
    }
    writer_.write_f32(logits_name(query), first, logits.rows, numbers_.data());
  }

  model::Model& model_;
  const Request& request_;
  const std::vector<Query>& queries_;
  core::SafetensorsWriter writer_;
  ops::DeviceArray logits_;
  std::vector<float> numbers_;
};

}  // namespace

Json run_logits(const Json& json, core::Progress& progress, const core::CancelToken& cancel) {
  const Request request = read_subjects(json);
  const std::unique_ptr<ops::Device> device = ops::open_device(request.device, request.threads, cancel);
  const std::vector<Query> queries = read_queries(json, request, model::read_checkpoint(request.model).config);
  model::Model model(*device, request.model, progress, cancel);
  Stacks stacks(request, model.config(), *device, cancel);
  progress.stage("logits", static_cast<std::int64_t>(queries.size()), "sequences");
  LogitsWriter(model, request, queries).run(stacks, progress, cancel);
  return Json::object({});
}

}  // namespace amalgam::eval
