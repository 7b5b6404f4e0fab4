#include <stdexcept>

#include "model/block.h"

namespace amalgam::model {

namespace {

void check(bool holds, const char* words) {
  if (!holds) throw std::logic_error(words);
}

void check_sequence(const Config& config, const Sequence& sequence, const KvCache* cache) {
  const auto tokens = static_cast<std::int64_t>(sequence.tokens.size());
  check(tokens > 0, "a sequence without tokens");
  check(sequence.past >= 0 && sequence.past + tokens <= config.max_positions, "a position past the model's end");
  check(sequence.slot >= 0 || (sequence.past == 0 && !sequence.keep), "a past without a slot");
  if (sequence.slot >= 0) {
    check(cache != nullptr && sequence.slot < cache->slots(), "a slot that the cache has not");
    check(sequence.past + (sequence.keep ? tokens : 0) <= cache->positions(), "a position past the cache's end");
  }
  check(sequence.units == nullptr || (sequence.set >= 0 && sequence.set < sequence.units->sets()),
        "a set of coefficients that is not there");
  for (const std::int32_t id : sequence.tokens) {
    check(id >= 0 && id < config.vocabulary, "a token outside the vocabulary");
  }
}

}  // namespace

BatchRows arrange_batch(const Config& config, std::span<const Sequence> batch, const KvCache* cache) {
  BatchRows rows;
  for (const Sequence& sequence : batch) {
    check_sequence(config, sequence, cache);
    const auto first = static_cast<std::int64_t>(rows.ids.size());
    const auto count = static_cast<std::int64_t>(sequence.tokens.size());
    for (std::int64_t i = 0; i < count; ++i) {
      rows.ids.push_back(sequence.tokens[static_cast<std::size_t>(i)]);
      rows.positions.push_back(static_cast<std::int32_t>(sequence.past + i));
      rows.sets.push_back(sequence.set);
    }
    rows.sequences.push_back({first, count, sequence.past, sequence.past > 0 ? sequence.slot : -1});
    if (sequence.keep) rows.kept.push_back({first, count, sequence.past, sequence.slot});
    if (sequence.units == nullptr) continue;
    UnitRows* last = rows.units.empty() ? nullptr : &rows.units.back();
    if (last != nullptr && last->units == sequence.units && last->first + last->rows == first) {
      last->rows += count;
    } else {
      rows.units.push_back({sequence.units, first, count});
    }
  }
  return rows;
}

}  // namespace amalgam::model
