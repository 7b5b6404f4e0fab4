#include "model/learn_units.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "model/cutter.h"
#include "model/device_numbers.h"
#include "model/learn_groups.h"

namespace amalgam::model {

namespace {

using core::DType;
using ops::Array;

/// Coefficients and gradients of a group begin at multiples of so many elements.
constexpr std::int64_t slot_elements = static_cast<std::int64_t>(Cutter::alignment) / 4;

std::int64_t slot(std::int64_t elements) { return (elements + slot_elements - 1) / slot_elements * slot_elements; }

std::span<const float> all_of(const core::Matrix<float>& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

void check_shape(const LearnModule& module, const FactorValues& values) {
  const bool fits = values.a.rows() == module.rank && values.a.cols() == module.in && values.b.rows() == module.out &&
                    values.b.cols() == module.rank &&
                    (values.mask.empty() || static_cast<std::int64_t>(values.mask.size()) == module.out * module.rank);
  if (!fits) throw std::logic_error("LearnUnits: factors of other shapes than " + module.name + " has");
}

}  // namespace

/// Puts one group after the other on the device.
class LearnUnits::Builder {
 public:
  Builder(LearnUnits& units, const FactorSource& source) : units_(units), device_(*units.device_), source_(source) {}

  void reserve(const std::vector<std::vector<UnitGroup>>& layout) {
    std::int64_t coefficients = 0;
    std::int64_t gradients = 0;
    for (const std::vector<UnitGroup>& groups : layout) {
      for (const UnitGroup& group : groups) {
        coefficients += slot(group.rank);
        const GroupMember& first = group.members.front();
        const LearnAdapter& adapter = units_.adapters_[first.adapter];
        const LearnModule& module = adapter.modules[first.module];
        if (adapter.trains_a) gradients += slot(module.rank * module.in);
        if (adapter.trains_b) gradients += slot(module.rank * module.out);
      }
    }
    if (units_.wants_coefficient_gradients_) {
      gradients += coefficients;
      next_gradient_ = coefficients;
    }
    units_.coefficients_.assign(static_cast<std::size_t>(coefficients), 0.0);
    units_.device_coefficients_ = ops::DeviceArray(device_, device_.accumulators(), 1, coefficients);
    units_.gradients_ = ops::DeviceArray(device_, device_.accumulators(), 1, gradients);
    units_.groups_.resize(layout.size());
    for (const LearnAdapter& adapter : units_.adapters_) units_.homes_.emplace_back(adapter.modules.size());
  }

  void add(std::size_t place, const UnitGroup& layout) {
    const GroupMember& front = layout.members.front();
    const LearnAdapter& adapter = units_.adapters_[front.adapter];
    const LearnModule& shape = adapter.modules[front.module];
    core::Matrix<float> a(layout.rank, shape.in);
    core::Matrix<float> b(shape.out, layout.rank);
    std::vector<std::uint8_t> mask;
    for (const GroupMember& member : layout.members) {
      const LearnModule& module = units_.adapters_[member.adapter].modules[member.module];
      FactorValues values = source_(member.adapter, member.module);
      check_shape(module, values);
      std::copy_n(values.a.data(), values.a.size(), a.row(member.first));
      for (std::int64_t i = 0; i < module.out; ++i) std::copy_n(values.b.row(i), module.rank, b.row(i) + member.first);
      mask = std::move(values.mask);
      const std::int64_t coefficient = next_coefficient_ + member.first;
      units_.homes_[member.adapter][member.module] = {place, units_.groups_[place].size(), member.first, coefficient};
      std::fill_n(units_.coefficients_.begin() + coefficient, module.rank, module.scaling);
    }
    Group group;
    group.dropout = adapter.dropout;
    group.adapter = front.adapter;
    group.a = keep(device_.activations(), a);
    group.b = keep(device_.activations(), b);
    group.c = units_.device_coefficients_.view().col_range(next_coefficient_, layout.rank);
    if (units_.wants_coefficient_gradients_) {
      group.d_c = units_.gradients_.view().col_range(next_coefficient_, layout.rank);
    }
    if (adapter.trains_a) group.d_a = add_trained(front, false, group.a, a, {});
    if (adapter.trains_b) group.d_b = add_trained(front, true, group.b, b, mask);
    units_.groups_[place].push_back(group);
    next_coefficient_ += slot(layout.rank);
  }

 private:
  Array new_array(DType type, std::int64_t rows, std::int64_t cols) {
    return units_.memory_.emplace_back(device_, type, rows, cols).view();
  }

  Array keep(DType type, const core::Matrix<float>& numbers) {
    const Array array = new_array(type, numbers.rows(), numbers.cols());
    write_numbers(device_, array, all_of(numbers));
    return array;
  }

  /// Returns the place of its gradient. `present` is what the passes compute with.
  Array add_trained(const GroupMember& member, bool is_b, const Array& present, const core::Matrix<float>& numbers,
                    const std::vector<std::uint8_t>& mask) {
    TrainedFactor factor{member.adapter, member.module, is_b, present, {}, {}, {}};
    if (device_.accumulators() != device_.activations()) {
      factor.values = keep(device_.accumulators(), numbers);
      factor.copy = present;
    }
    Array& gradient = factor.gradient;
    gradient = units_.gradients_.view().col_range(next_gradient_, numbers.size());
    gradient.rows = numbers.rows();
    gradient.cols = gradient.stride = numbers.cols();
    next_gradient_ += slot(numbers.size());
    if (!mask.empty()) {
      factor.mask = new_array(DType::U8, numbers.rows(), numbers.cols());
      device_.upload(factor.mask.data, mask.data(), mask.size());
    }
    units_.trained_.push_back(factor);
    return gradient;
  }

  LearnUnits& units_;
  ops::Device& device_;
  const FactorSource& source_;
  std::int64_t next_coefficient_ = 0;
  std::int64_t next_gradient_ = 0;
};

LearnUnits::LearnUnits(ops::Device& device, const Config& config, std::vector<LearnAdapter> adapters,
                       bool wants_coefficient_gradients, const FactorSource& source, const core::CancelToken& cancel)
    : device_(&device), adapters_(std::move(adapters)), wants_coefficient_gradients_(wants_coefficient_gradients) {
  const std::vector<std::vector<UnitGroup>> layout = group_units(config, adapters_);
  Builder builder(*this, source);
  builder.reserve(layout);
  for (std::size_t place = 0; place < layout.size(); ++place) {
    for (const UnitGroup& group : layout[place]) {
      cancel.check();
      builder.add(place, group);
    }
  }
  std::ranges::sort(trained_, {}, [](const TrainedFactor& factor) {
    return std::tuple(factor.adapter, factor.module, factor.is_b);
  });
  zero_gradients();
}

const LearnUnits::Home& LearnUnits::home(std::size_t adapter, std::size_t module) const {
  return homes_.at(adapter).at(module);
}

void LearnUnits::set_coefficients(std::size_t adapter, std::size_t module, std::span<const double> coefficients) {
  const std::int64_t first = home(adapter, module).coefficient;
  const LearnModule& shape = adapters_[adapter].modules[module];
  const auto rank = static_cast<std::size_t>(shape.rank);
  if (coefficients.size() != 1 && coefficients.size() != rank) {
    throw std::logic_error("LearnUnits: one coefficient per unit, or one for all of them");
  }
  for (std::size_t r = 0; r < rank; ++r) {
    const double coefficient = coefficients.size() == 1 ? coefficients[0] : coefficients[r];
    coefficients_[static_cast<std::size_t>(first) + r] = coefficient * shape.scaling;
  }
  has_new_coefficients_ = true;
}

void LearnUnits::begin_pass() {
  read_gradients_.clear();
  if (!has_new_coefficients_) return;
  write_numbers(*device_, device_coefficients_.view(), std::span<const double>(coefficients_));
  has_new_coefficients_ = false;
  for (std::vector<Group>& groups : groups_) {
    for (Group& group : groups) group.is_zero = true;
  }
  for (std::size_t a = 0; a < adapters_.size(); ++a) {
    for (std::size_t m = 0; m < adapters_[a].modules.size(); ++m) {
      const Home& at = home(a, m);
      const double* first = coefficients_.data() + at.coefficient;
      const bool is_zero = std::all_of(first, first + adapters_[a].modules[m].rank, [](double c) { return c == 0; });
      if (!is_zero) groups_[at.place][at.group].is_zero = false;
    }
  }
  for (std::vector<Group>& groups : groups_) {
    for (Group& group : groups) group.is_idle = group.is_zero && group.d_c.data == nullptr;
  }
}

std::vector<double> LearnUnits::coefficient_gradients(std::size_t adapter, std::size_t module) const {
  if (!wants_coefficient_gradients_) throw std::logic_error("LearnUnits: gradients that nobody asked for");
  if (read_gradients_.empty()) {
    const auto count = static_cast<std::int64_t>(coefficients_.size());
    Array own = gradients_.view().col_range(0, count);
    own.stride = count;
    read_gradients_ = read_numbers(*device_, own);
  }
  const LearnModule& shape = adapters_.at(adapter).modules.at(module);
  const auto first = read_gradients_.begin() + home(adapter, module).coefficient;
  std::vector<double> gradients(first, first + shape.rank);
  for (double& gradient : gradients) gradient *= shape.scaling;
  return gradients;
}

void LearnUnits::zero_gradients() {
  device_->fill_zero(gradients_.view().data, gradients_.bytes());
  read_gradients_.clear();
}

core::Matrix<float> LearnUnits::factor(std::size_t adapter, std::size_t module, bool is_b) const {
  const Home& at = home(adapter, module);
  const Group& group = groups_[at.place][at.group];
  const std::int64_t rank = adapters_[adapter].modules[module].rank;
  Array from = is_b ? group.b : group.a.row_range(at.first_unit, rank);
  for (const TrainedFactor& factor : trained_) {
    if (factor.adapter == adapter && factor.module == module && factor.is_b == is_b) from = factor.values;
  }
  const std::vector<double> numbers = read_numbers(*device_, from);
  const std::int64_t skipped = is_b ? at.first_unit : 0;
  core::Matrix<float> result(from.rows, is_b ? rank : from.cols);
  for (std::int64_t i = 0; i < result.rows(); ++i) {
    std::copy_n(numbers.begin() + i * from.cols + skipped, result.cols(), result.row(i));
  }
  return result;
}

std::span<const LearnUnits::Group> LearnUnits::groups(std::int64_t layer, Linear linear) const {
  return groups_.at(static_cast<std::size_t>(layer * linears_per_layer) + static_cast<std::size_t>(linear));
}

std::size_t LearnUnits::bytes() const {
  std::size_t sum = device_coefficients_.bytes() + gradients_.bytes();
  for (const ops::DeviceArray& array : memory_) sum += array.bytes();
  return sum;
}

std::size_t LearnUnits::planned_bytes(const ops::Device& device, std::span<const LearnAdapter> adapters) {
  const DType numbers = device.activations();
  const DType sums = device.accumulators();
  std::size_t bytes = 0;
  for (const LearnAdapter& adapter : adapters) {
    for (const LearnModule& module : adapter.modules) {
      bytes += ops::array_bytes(numbers, module.rank, module.in + module.out);
      bytes += 2 * ops::array_bytes(sums, 1, slot(module.rank));  // coefficients and their gradients
      for (const bool is_b : {false, true}) {
        if (!(is_b ? adapter.trains_b : adapter.trains_a)) continue;
        const std::int64_t elements = module.rank * (is_b ? module.out : module.in);
        bytes += ops::array_bytes(sums, 1, slot(elements));
        if (sums != numbers) bytes += ops::array_bytes(sums, 1, elements);
        if (is_b) bytes += ops::array_bytes(DType::U8, 1, elements);  // a mask, if there is one
      }
    }
  }
  return bytes;
}

}  // namespace amalgam::model
