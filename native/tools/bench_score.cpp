#include "tools/bench_score.h"

#include <vector>

#include "core/cancel.h"
#include "eval/batch.h"
#include "model/model.h"
#include "ops/device.h"
#include "tools/bench_model.h"

namespace amalgam::tools {

namespace {

using core::Json;

class Bench {
 public:
  Bench(const ScoreBench& bench, ops::Device& device)
      : bench_(bench), device_(device), model_(device, config_named(bench.config), dtype_named(bench.dtype), 1) {}

  /// Log-probabilities of all tokens but the first of every sequence.
  Json score() {
    std::vector<std::vector<std::int32_t>> lists;
    for (std::int64_t i = 0; i < bench_.batch; ++i)
      lists.push_back(token_list(bench_.tokens + 1, config().vocabulary, i));
    eval::Batch batch;
    const double seconds = median_seconds(device_, [&] {
      batch.clear();
      for (const std::vector<std::int32_t>& list : lists) {
        const std::int64_t first = batch.add({.tokens = std::span(list).first(list.size() - 1)});
        for (std::int64_t t = 0; t < bench_.tokens; ++t) {
          batch.want_probability(first + t, list[static_cast<std::size_t>(t) + 1]);
        }
      }
      batch.run(model_, nullptr);
    });
    return rates(bench_.tokens * bench_.batch, seconds, products_seconds(bench_.tokens * bench_.batch));
  }

  /// One more token for each of `sequences`, which have a past of `tokens` positions. What lies there does not matter
  /// for the time.
  Json decode(std::int64_t sequences) {
    model::KvCache cache(device_, config(), sequences, bench_.tokens + 1);
    for (std::int64_t layer = 0; layer < config().layers; ++layer) {
      for (const ops::Array& past : {cache.layer(layer).keys, cache.layer(layer).values}) {
        device_.fill_zero(past.data, ops::array_bytes(past.type, past.rows, past.stride));
      }
    }
    const std::vector<std::int32_t> tokens = token_list(bench_.tokens, config().vocabulary, 3);
    eval::Batch batch;
    const double seconds = median_seconds(device_, [&] {
      batch.clear();
      for (std::int64_t slot = 0; slot < sequences; ++slot) {
        const auto next = std::span(tokens).subspan(static_cast<std::size_t>(slot % bench_.tokens), 1);
        batch.want_best(batch.add({.tokens = next, .past = bench_.tokens, .slot = slot, .keep = true}));
      }
      batch.run(model_, &cache);
    });
    return rates(sequences, seconds, products_seconds(sequences)).set("batch", sequences);
  }

  const model::Config& config() const { return model_.config(); }

 private:
  static Json rates(std::int64_t tokens, double seconds, double bound_seconds) {
    return Json::object({{"tokensPerSecond", static_cast<double>(tokens) / seconds},
                         {"boundTokensPerSecond", static_cast<double>(tokens) / bound_seconds},
                         {"ofBound", bound_seconds / seconds}});
  }

  double products_seconds(std::int64_t rows) {
    return tools::products_seconds(device_, config(), dtype_named(bench_.dtype), rows, Direction::forward);
  }

  const ScoreBench& bench_;
  ops::Device& device_;
  model::Model model_;
};

}  // namespace

Json bench_score(const ScoreBench& bench) {
  const core::CancelToken never;
  const auto device = ops::open_device(bench.device, bench.threads, never);
  Bench run(bench, *device);
  const double parameters = linear_parameters(run.config());
  Json score = run.score();
  Json decode = Json::array();
  for (const std::int64_t sequences : {1, 64}) decode.push(run.decode(sequences));
  return Json::object({{"device", bench.device},
                       {"config", bench.config},
                       {"dtype", bench.dtype},
                       {"tokens", bench.tokens},
                       {"batch", bench.batch},
                       {"threads", bench.threads},
                       {"gflopPerToken", 2 * parameters / 1e9},
                       {"score", std::move(score)},
                       {"decode", std::move(decode)}});
}

}  // namespace amalgam::tools
