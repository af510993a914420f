/**
 * The noise scale of a gradient (McCandlish et al. 2018, arXiv 1812.06162): the batch size at which the noise of the mean
 * gradient is as large as the gradient itself. Smaller batches waste steps, much larger ones waste samples.
 *
 * Two squared norms of mean gradients over b and B samples of one distribution give both parts without bias:
 *   E |G_b|^2 = |G|^2 + tr(Sigma) / b
 */

/** |G|^2, the squared norm of the true gradient; may be negative where noise is all there is. */
export const signalOf = (small: number, big: number, smallRows: number, bigRows: number): number =>
  (bigRows * big - smallRows * small) / (bigRows - smallRows)

/** tr(Sigma), the variance of one sample's gradient, summed over the parameters. */
export const traceOf = (small: number, big: number, smallRows: number, bigRows: number): number =>
  (small - big) / (1 / smallRows - 1 / bigRows)
