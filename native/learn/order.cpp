#include "learn/order.h"

#include <numeric>
#include <string>
#include <utility>

#include "core/random.h"

namespace amalgam::learn {

Order::Order(std::size_t examples, std::int64_t batch, bool is_shuffled, std::uint64_t seed)
    : examples_(examples), batch_(batch), is_shuffled_(is_shuffled), seed_(seed) {}

std::vector<std::size_t> Order::epoch(std::int64_t number) const {
  std::vector<std::size_t> order(examples_);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!is_shuffled_) return order;
  core::RandomStream random(seed_, "order " + std::to_string(number));
  for (std::size_t left = examples_; left > 1; --left) {
    const auto other = static_cast<std::size_t>(random.next_uniform() * static_cast<double>(left));
    std::swap(order[left - 1], order[other]);
  }
  return order;
}

std::vector<std::size_t> Order::batch(std::int64_t t) const {
  const auto count = static_cast<std::int64_t>(examples_);
  std::vector<std::size_t> chosen;
  std::vector<std::size_t> order;
  std::int64_t present = -1;
  for (std::int64_t place = t * batch_; place < (t + 1) * batch_; ++place) {
    if (place / count != present) {
      present = place / count;
      order = epoch(present);
    }
    chosen.push_back(order[static_cast<std::size_t>(place % count)]);
  }
  return chosen;
}

}  // namespace amalgam::learn
