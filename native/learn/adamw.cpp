#include "learn/adamw.h"

#include <cmath>

namespace amalgam::learn {

void adamw(std::span<float> p, std::span<const double> gradient, std::span<float> m, std::span<float> v,
           const ops::AdamwStep& step) {
  const double correction1 = 1 - std::pow(step.beta1, static_cast<double>(step.t));
  const double correction2 = 1 - std::pow(step.beta2, static_cast<double>(step.t));
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double g = step.gradient_scale * gradient[i];
    m[i] = static_cast<float>(step.beta1 * m[i] + (1 - step.beta1) * g);
    v[i] = static_cast<float>(step.beta2 * v[i] + (1 - step.beta2) * g * g);
    const double decayed = p[i] * (1 - step.rate * step.weight_decay);
    const double length = std::sqrt(v[i] / correction2) + step.epsilon;
    p[i] = static_cast<float>(decayed - step.rate * (m[i] / correction1) / length);
  }
}

}  // namespace amalgam::learn
