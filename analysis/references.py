"""The literature that a report may name: each entry complete, told only where what it stands for was done."""

from collections.abc import Iterator
from dataclasses import dataclass, field

REFERENCES = {
    "aczel": "Aczel, T., & Wattenhofer, R. (2024). Conditional Hallucinations for Image Compression. arXiv:2410.19493.",
    "benjamini": "Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate: a practical and powerful "
    "approach to multiple testing. Journal of the Royal Statistical Society, Series B, 57(1), 289-300.",
    "bradley": "Bradley, R. A., & Terry, M. E. (1952). Rank analysis of incomplete block designs: I. The method of "
    "paired comparisons. Biometrika, 39(3/4), 324-345.",
    "bt500": "ITU-R Recommendation BT.500-15 (2023). Methodologies for the subjective assessment of the quality of "
    "television images. International Telecommunication Union, Geneva.",
    "cameron": "Cameron, A. C., Gelbach, J. B., & Miller, D. L. (2011). Robust inference with multiway clustering. "
    "Journal of Business & Economic Statistics, 29(2), 238-249.",
    "chen": "Chen, X., Bennett, P. N., Collins-Thompson, K., & Horvitz, E. (2013). Pairwise ranking aggregation in a "
    "crowdsourced setting. Proceedings of the Sixth ACM International Conference on Web Search and Data Mining (WSDM), "
    "193-202.",
    "clopper": "Clopper, C. J., & Pearson, E. S. (1934). The use of confidence or fiducial limits illustrated in the "
    "case of the binomial. Biometrika, 26(4), 404-413.",
    "davidson": "Davidson, R. R. (1970). On extending the Bradley-Terry model to accommodate ties in paired comparison "
    "experiments. Journal of the American Statistical Association, 65(329), 317-328.",
    "beaver": "Davidson, R. R., & Beaver, R. J. (1977). On extending the Bradley-Terry model to incorporate "
    "within-pair order effects. Biometrics, 33(4), 693-702.",
    "efron": "Efron, B. (1979). Bootstrap methods: another look at the jackknife. The Annals of Statistics, 7(1), "
    "1-26.",
    "elo": "Elo, A. E. (1978). The Rating of Chessplayers, Past and Present. Arco, New York.",
    "fieller": "Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal Statistical Society, "
    "Series B, 16(2), 175-185.",
    "fisher": "Fisher, R. A. (1935). The Design of Experiments. Oliver and Boyd, Edinburgh.",
    "ford": "Ford, L. R. (1957). Solution of a ranking problem from binary comparisons. The American Mathematical "
    "Monthly, 64(8, part 2), 28-33.",
    "glenn": "Glenn, W. A., & David, H. A. (1960). Ties in paired-comparison experiments using a modified "
    "Thurstone-Mosteller model. Biometrics, 16(1), 86-109.",
    "holm": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics, 6(2), 65-70.",
    "horvitz": "Horvitz, D. G., & Thompson, D. J. (1952). A generalization of sampling without replacement from a "
    "finite universe. Journal of the American Statistical Association, 47(260), 663-685.",
    "kendall": "Kendall, M. G., & Babington Smith, B. (1940). On the method of paired comparisons. Biometrika, "
    "31(3/4), 324-345.",
    "krippendorff": "Krippendorff, K. (2018). Content Analysis: An Introduction to Its Methodology (4th ed.). SAGE.",
    "mohamad": "Al Mohamad, D., Goeman, J. J., & van Zwet, E. W. (2022). Simultaneous confidence intervals for ranks "
    "with application to ranking institutions. Biometrics, 78(1), 238-247.",
    "p910": "ITU-T Recommendation P.910 (2023). Subjective video quality assessment methods for multimedia "
    "applications. International Telecommunication Union, Geneva.",
    "perez": "Perez-Ortiz, M., & Mantiuk, R. K. (2017). A practical guide and software for analysing pairwise "
    "comparison experiments. arXiv:1712.03686.",
    "rao": "Rao, C. R. (1948). Large sample tests of statistical hypotheses concerning several parameters with "
    "applications to problems of estimation. Proceedings of the Cambridge Philosophical Society, 44(1), 50-57.",
    "kupper": "Rao, P. V., & Kupper, L. L. (1967). Ties in paired-comparison experiments: a generalization of the "
    "Bradley-Terry model. Journal of the American Statistical Association, 62(317), 194-204.",
    "skellam": "Skellam, J. G. (1948). A probability distribution derived from the binomial distribution by regarding "
    "the probability of success as variable between the sets of trials. Journal of the Royal Statistical Society, "
    "Series B, 10(2), 257-261.",
    "thurstone": "Thurstone, L. L. (1927). A law of comparative judgment. Psychological Review, 34(4), 273-286.",
}


@dataclass
class Cited:
    """Counts the works that are named, in the order in which they first are."""

    keys: list[str] = field(default_factory=list)

    def __call__(self, *names: str) -> str:
        """Return the numbers of these works in brackets."""
        self.keys += [name for name in names if name not in self.keys]
        return "[" + ", ".join(str(self.keys.index(name) + 1) for name in names) + "]"

    def __iter__(self) -> Iterator[str]:
        """Give the works in full, in the order of their numbers."""
        return (REFERENCES[name] for name in self.keys)
