// Wortsman et al. 2022, Model soups (arXiv 2203.05482), uniform soup of the updates
//
// M = (1/T) sum_i M_i over all T adapters: one that lacks the module counts as zero there. Coefficients take no part.
#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

core::Matrix<double> average(const Cores& cores, const AverageParams&) {
  core::Matrix<double> sum(cores.rows, cores.cols);
  for (const Core& source : cores.sources) add(sum, 1.0 / cores.adapters, source, cores.executor);
  return sum;
}

}  // namespace amalgam::methods
