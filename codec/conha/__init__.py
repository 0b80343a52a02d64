"""The codec of the paper: HiFiC's networks and hyperprior, with the perceptual loss scaled by a preference `w`."""
