#include "learn/coefficients.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/random.h"

namespace amalgam::learn {

namespace {

constexpr double leak = 0.01;              // of leaky_relu, at and below 0
constexpr double normal_deviation = 0.5;   // of the start "normal"

/// The place that a module belongs to.
std::string place_of(const model::ModuleRequest& module, const model::Config& config, Granularity granularity) {
  if (granularity == Granularity::adapter) return "";
  const auto [layer, linear] = model::find_module(config, module.name, module.in, module.out);
  const std::string number = std::to_string(layer);
  if (granularity == Granularity::layer) return number;
  if (granularity == Granularity::sublayer) return number + (linear <= model::Linear::o ? " attention" : " mlp");
  return module.name;
}

double activated(Activation activation, double w) {
  switch (activation) {
    case Activation::square:
      return w * w;
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-w));
    case Activation::leaky_relu:
      return w > 0 ? w : leak * w;
    case Activation::identity:
    case Activation::softmax:
      break;
  }
  return w;
}

/// The derivative of activated() at w, where it is c.
double slope(Activation activation, double w, double c) {
  switch (activation) {
    case Activation::square:
      return 2 * w;
    case Activation::sigmoid:
      return c * (1 - c);
    case Activation::leaky_relu:
      return w > 0 ? 1 : leak;
    case Activation::identity:
    case Activation::softmax:
      break;
  }
  return 1;
}

double start_value(const CoefficientRequest& request, const std::vector<AdapterRequest>& adapters, std::size_t adapter,
                   const std::string& place, std::uint64_t seed) {
  const auto random = [&] { return core::RandomStream(seed, "coefficient " + adapters[adapter].key + " " + place); };
  switch (request.start) {
    case StartKind::first:
      return adapter == 0 ? request.value : 0;
    case StartKind::equal:
      return 1 / std::sqrt(static_cast<double>(adapters.size()));
    case StartKind::uniform:
      return random().next_uniform();
    case StartKind::normal:
      return normal_deviation * random().normal_at(0);
    case StartKind::constant:
      break;
  }
  return request.value;
}

}  // namespace

Coefficients::Coefficients(const std::vector<AdapterRequest>& adapters, const model::Config& config,
                           Granularity granularity, Activation activation)
    : granularity_(granularity), activation_(activation) {
  std::map<std::string, std::size_t> shared_of;
  const auto add_number = [&](std::size_t adapter, const std::string& place) {
    const auto [entry, is_new] = shared_of.try_emplace(place, shared_.size());
    if (is_new) shared_.emplace_back();
    shared_[entry->second].push_back(owners_.size());
    owners_.push_back({adapter, place});
  };
  for (std::size_t a = 0; a < adapters.size(); ++a) {
    std::vector<Module>& modules = modules_.emplace_back();
    std::map<std::string, std::size_t> number_at;
    for (const model::ModuleRequest& module : adapters[a].modules) {
      const std::string place = place_of(module, config, granularity);
      const auto [entry, is_new] = number_at.try_emplace(place, owners_.size());
      modules.push_back({module.name, module.rank, entry->second});
      if (is_by_unit()) {
        for (std::int64_t u = 0; u < module.rank; ++u) add_number(a, place + " " + std::to_string(u));
      } else if (is_new) {
        add_number(a, place);
      }
    }
  }
  raw_.resize(owners_.size());
}

void Coefficients::start(const CoefficientRequest& request, const std::vector<AdapterRequest>& adapters,
                         std::uint64_t seed) {
  for (std::size_t i = 0; i < raw_.size(); ++i) {
    raw_[i] = static_cast<float>(start_value(request, adapters, owners_[i].adapter, owners_[i].place, seed));
  }
}

void Coefficients::set_raw(const std::vector<std::vector<double>>& numbers) {
  for (std::size_t a = 0; a < modules_.size(); ++a) {
    for (std::size_t m = 0; m < modules_[a].size(); ++m) raw_[number_of(a, m, 0)] = static_cast<float>(numbers[a][m]);
  }
}

std::size_t Coefficients::number_of(std::size_t adapter, std::size_t module, std::int64_t unit) const {
  return modules_[adapter][module].first + (is_by_unit() ? static_cast<std::size_t>(unit) : 0);
}

std::vector<double> Coefficients::active(std::span<const float> raw) const {
  std::vector<double> result(raw.begin(), raw.end());
  if (activation_ != Activation::softmax) {
    for (double& number : result) number = activated(activation_, number);
    return result;
  }
  for (const std::vector<std::size_t>& together : shared_) {
    double largest = result[together.front()];
    for (const std::size_t i : together) largest = std::max(largest, result[i]);
    double total = 0;
    for (const std::size_t i : together) total += result[i] = std::exp(result[i] - largest);
    for (const std::size_t i : together) result[i] /= total;
  }
  return result;
}

void Coefficients::apply(model::LearnUnits& units) const {
  const std::vector<double> coefficients = active(raw_);
  for (std::size_t a = 0; a < modules_.size(); ++a) {
    for (std::size_t m = 0; m < modules_[a].size(); ++m) {
      const std::size_t count = is_by_unit() ? static_cast<std::size_t>(modules_[a][m].rank) : 1;
      units.set_coefficients(a, m, std::span(coefficients).subspan(modules_[a][m].first, count));
    }
  }
}

std::vector<double> Coefficients::unit_sums(const model::LearnUnits& units) const {
  std::vector<double> sums(raw_.size(), 0.0);
  for (std::size_t a = 0; a < modules_.size(); ++a) {
    for (std::size_t m = 0; m < modules_[a].size(); ++m) {
      const std::vector<double> of_units = units.coefficient_gradients(a, m);
      for (std::size_t u = 0; u < of_units.size(); ++u) {
        sums[number_of(a, m, static_cast<std::int64_t>(u))] += of_units[u];
      }
    }
  }
  return sums;
}

std::vector<double> Coefficients::gradients(const model::LearnUnits& units) const {
  std::vector<double> gradients = unit_sums(units);
  const std::vector<double> c = active(raw_);
  if (activation_ != Activation::softmax) {
    for (std::size_t i = 0; i < raw_.size(); ++i) gradients[i] *= slope(activation_, raw_[i], c[i]);
    return gradients;
  }
  for (const std::vector<std::size_t>& together : shared_) {
    double mean = 0;
    for (const std::size_t i : together) mean += c[i] * gradients[i];
    for (const std::size_t i : together) gradients[i] = c[i] * (gradients[i] - mean);
  }
  return gradients;
}

std::string Coefficients::first_not_finite(const model::LearnUnits& units) const {
  for (std::size_t a = 0; a < modules_.size(); ++a) {
    for (std::size_t m = 0; m < modules_[a].size(); ++m) {
      const std::vector<double> of_units = units.coefficient_gradients(a, m);
      if (!std::ranges::all_of(of_units, [](double g) { return std::isfinite(g); })) return modules_[a][m].name;
    }
  }
  return "";
}

}  // namespace amalgam::learn
