#include "model/model.h"

namespace amalgam::model {

KvCache::KvCache(ops::Device& device, const Config& config, std::int64_t slots, std::int64_t positions)
    : slots_(slots), positions_(positions) {
  const std::int64_t side = config.kv_heads * config.head_dim;
  for (std::int64_t i = 0; i < config.layers; ++i) {
    keys_.emplace_back(device, device.activations(), slots * positions, side);
    values_.emplace_back(device, device.activations(), slots * positions, side);
  }
}

ops::CacheLayer KvCache::layer(std::int64_t index) const {
  const auto i = static_cast<std::size_t>(index);
  return {keys_[i].view(), values_[i].view(), positions_};
}

std::size_t KvCache::planned_bytes(const ops::Device& device, const Config& config, std::int64_t slots,
                                   std::int64_t positions) {
  const std::size_t side = ops::array_bytes(device.activations(), slots * positions, config.kv_heads * config.head_dim);
  return 2 * side * static_cast<std::size_t>(config.layers);
}

}  // namespace amalgam::model
