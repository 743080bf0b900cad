"""Every parameter of the provider, with its unit and its reason.

Where a figure was measured: 12 CC0 photos of 480 px, generated damage, Pillow 13.0, 2026-11-22.
Grey levels are of 255 throughout, for 16-bit pictures too.
"""

# --- looking: samples, tiles, memory

SAMPLE_SIDE = 512  # px: one sample of the analysis
SAMPLE_LEAST_SIDE = 64  # px: a strip left over decides for no picture
SAMPLES_PER_SIDE = 3  # up to nine samples: 2.4 MP, a second of work on a picture of any size
TILE_CORE = 464  # px: with halo 512, where planes stay in cache and Python's share is 10 %
TILE_HALO = 24  # px: further than any chain of filters reaches visibly
CACHED_BLOCKS = 256  # freed planes that are kept: all of one tile
ANALYSIS_SHARE, TILES_SHARE = 0.1, 0.8  # of progress; encoding is the rest

# --- evidence: what kind of picture this is

GRAPHIC_TONES = 4  # commonest grey tones that are counted together
GRAPHIC_LEAST_TONES = 0.75  # share of pixels: drawings and screens 0.92-1.0, photos up to 0.59
GRAPHIC_LEAST_FLAT = 0.5  # share of pixels: drawings and screens 0.7-1.0, photos up to 0.5
GRAIN_OF_PRINTS = 2.8  # grey levels: printed grain 3.2-10, a camera's smoothed noise up to 2.5
PRINT_LEAST_WEIGHT = 2  # of signs: one alone is doubt, but for a border or wear

# --- noise

NOISE_UNCLIPPED_RANGE = (2, 253)  # grey levels: outside noise is cut off, and seems small
NOISE_UNCLIPPED_SHARE = 0.97  # of a block's pixels
NOISE_FEWEST_BLOCKS = 20  # of 16 x 16 px: fewer could all be texture
NOISE_FEWEST_BLOCKS_GREY = 100  # where colour does not confirm it: 160 x 160 px
NOISE_QUANTILE = 0.1  # of blocks by activity: quiet, and enough to average
NOISE_CORRECTION = 1.09  # that quantile of pure noise is too low by this
NOISE_ACT_ABOVE = 1.2  # grey levels: below nobody sees it, and textures begin
NOISE_NEGLIGIBLE = 0.8  # grey levels of colour noise on any scale: nobody sees it
NOISE_COLOURS_AGREE = 0.6  # least ratio of the two colour differences' noise; texture has one hue
NOISE_BRIGHT_TO_COLOUR = (0.85, 1.12)  # brightness has the colours' noise; the rest is texture
NOISE_WHITE_RATIO = 0.75  # half size to full size: white noise 0.5, texture 1 and more
NOISE_WHITE_GAUSSNESS = 0.58  # white noise 0.61-0.64, texture 0.42-0.54
GRAIN_GAUSSNESS = 0.615  # grain 0.61-0.64; a halftone print has 0.605
GRAIN_GAUSSNESS_JPEG = 0.56  # JPEG eats the small values; and its grain is what ages a scan
GRAIN_SPREAD = 1.25  # 20 % to 3 % quantile of activity: grain is the same everywhere (1.08-1.18)
GRAIN_SPREAD_JPEG = 2.0  # sensors have less of it in the dark
NOISE_IN_LUMA = 0.6  # of the deviation of (R+G+B)/sqrt 3: 0.67 if independent, 0.58 if grey
GRAIN_MOST_RISE = 1.7  # from half of the highest frequency to the lowest: more would wipe a face
GRAIN_LEAST_SIGMA = 0.1  # grey levels: only to divide by
GRAIN_COARSENESS = 0.65  # half size to full size: white noise 0.50-0.56, grain 0.9 and more
GRAIN_KEPT = 0.2  # of brightness: old prints lose 0.05 dB, and keep 0.64-0.86 of texture's variance
HARD_THRESHOLD = 2.7  # deviations: Donoho's rule for 4 x 4 blocks, confirmed
COLOUR_COARSE_ABOVE = 7.0  # grey levels: from here the finest colour is all noise

# --- JPEG

JPEG_LEAST_TABLE_SUM = 800  # of 64 luma steps: quality 89 and better stays as it is
JPEG_THRESHOLD = 0.37  # of a table's entry: best of 0.25-0.5 at quality 15 to 85
BLOCKINESS_LEAST = 1.08  # ratio: below it no ghost is looked for
GHOST_QUALITIES = (8, 85)  # what is looked for
GHOST_DEPTH = 0.5  # of its neighbours' loss: true dips 0.00-0.46, others from 0.87
GHOST_SIDE = 256  # px: the part that is encoded again 80 times, 0.1 s in all
NOISE_PER_COARSENESS = 0.6  # deviation to mean low-frequency step: above, grain is the greater ill

# --- blur

BLUR_LEAST_NOISE = 0.5  # grey levels: smooth and soft is how a lens drew it
BLUR_MOST_STEP = 2.0  # grey levels of a JPEG's own step (quality 94): below its grid sharpens
BLUR_EDGE_SHARE = 0.03  # of pixels, by gradient: the edges that are looked at
BLUR_STRONGEST_SHARE = 0.002  # of pixels: these must reach BLUR_WEAKEST_EDGE
BLUR_WEAKEST_EDGE = 10  # grey levels a pixel: else nothing is in focus, and unknown
BLUR_FOCUS_QUANTILE = 0.85  # of edge ratios: the sharpest edges
BLUR_WIDTH_QUANTILE = 0.7  # of edge ratios: the typical edge of what is in focus
BLUR_ACT_ABOVE, BLUR_ACT_BELOW = 0.7, 3.5  # px: clean 0.12-0.58, blur of 1 px 0.74-1.15
BLUR_OF_SHARP_PHOTOS = 0.45  # px: what lenses and scaling leave in any photo; too wide rings
BLUR_MOST_NOISE = 6.0  # grey levels: sharpening would bring it back
BLUR_MOST_COARSENESS = 8.0  # grey levels of JPEG step (quality 70): the same
DEBLUR_FIRST_THRESHOLD = 1.7  # grey levels: 2.5 deviations of a scan's slight noise
DEBLUR_THRESHOLDS = (6.0, 4.0)  # grey levels: of the shrinkage after each group of iterations
DEBLUR_ITERATIONS = 6  # of Van Cittert in a group
DEBLUR_RANGE_SIGMA = 0.7  # px: takes noise out of the range of what lies around
DEBLUR_RANGE_REACH, DEBLUR_SMOOTH_REACH = 1.5, 2.5  # px for each px of blur: around, near
DEBLUR_SMOOTH_RANGE = 2.0  # grey levels: what is left of noise on smooth ground
DEBLUR_OVERSHOOT = 3.0  # grey levels that may be left of that range near smooth ground
DEBLUR_OVERSHOOT_PER_RANGE = 8.0  # more for each level of range: costs 0.08 dB at 1 px, at 2 none

# --- scratches and dust

MARK_LEAST = 30.0  # grey levels apart from the median: fainter ones are texture
MARK_PER_ACTIVITY = 3.0  # levels for each squared level of mean deviation around
MARK_PER_DENSITY = 600.0  # levels for each share of pixels around that stand out too
MARK_PER_GRADIENT = 0.5  # levels for each level of gradient beneath
MARK_ACTIVITY_CAP = 20.0  # levels: a mark must not hide itself in its own mean
MARK_RADIUS, MARK_CROWD_RADIUS = 8, 14  # px: what "around" means
MARK_COLOUR_MOST = 40.0  # levels of colour that speak against (or for) a mark
MARK_WEAK = 0.3  # of the need: pixels that a mark may continue on
MARK_WEAK_PER_GRAIN = 1.5  # levels more that such pixels need for each level of grain
MARK_REACH = 10  # px that it continues from its core: with MARK_CROWD_RADIUS within TILE_HALO
MARK_GROWTH = 1.9  # marks found from milder cores for each from sure ones: above they are false
MARK_GROWTH_IN_GRAIN = 5.0  # the same where grain hides the milder ones
MARK_PER_GRAIN = 2.5  # levels for each level of grain
MARK_GRAIN_ACTIVITY = 0.75  # of grain's deviation is its mean deviation from the median of 25
MARK_SURE = 1.4  # of the need: cores that are believed, where many of the others are false
MARK_LEAST_SIDE = 320  # px, the longer: in smaller pictures, details are as thin as scratches
MARK_FEWEST = 0.0003  # share of pixels that are sure cores: 32 clean photos 0-0.025 %, worn 0.035
MARK_FEWEST_IN_GRAIN = 0.0002  # noise and grain alone: 0-0.005 %, worn prints from 0.022 %
BEYOND_LEAST, BEYOND_FAR = 5.0, 18.0  # levels beyond a print's own, and further still
BEYOND_MOST = 0.12  # share of pixels around that are as far: more are a petal in the light
BEYOND_APART, BEYOND_QUIET = 2.2, 4.0  # for each level of grain: from the ground, and its range
MARK_MOST = 0.03  # share of pixels
SPECK_MOST = 5  # px: as long as a speck is
LINE_LEAST, LINE_THINNESS = 18, 5.0  # px; length to width, as deviations
WEAR_FEWEST_SPECKS = 10  # fewer have no pattern
SPECKED_FEWEST = 30  # on a print of one hue, for fading alone
WEAR_SPECKS_PER_LINE = (4.0, 30.0)  # drawn wear 5-15; stars 40 and up, lines of things under 2
SPECKS_LEAST_APART = 0.5  # of what chance gives: wear 0.72-1.14, beads on strings 0.19-0.35
SPECKS_MOST_PLACED = 500  # in a sample: more are texture
WEAR_MOST_OTHERS = 0.5  # of specks: neither speck nor line; wear 0-0.46, text 0.15-3
WEAR_MOST_COLOURED = 0.4  # of marks: wear shows paper or dirt
MARK_COLOURED = 40.0  # levels from lowest to highest channel: no paper, no dirt
LINES_MOST = 200  # pieces of lines that are followed, the longest first
LINE_STRIDE, LINE_GAP = 10, 30  # px that a line is followed at once, and that it may be hidden
LINE_TURNS = (-0.05, -0.025, 0.0, 0.025, 0.05)  # radians that it may turn by in a stride
LINE_KEPT = 0.35  # of how far its proven piece stands out; fainter is its end
LINE_MOST_LEAN = 0.25  # of that: by which its sides may differ in the mean, or it is an edge
LINE_PER_GRAIN = 1.2  # levels for each level of grain: the best of several means of it is 0.8
DUST_RARER_SHARE = 0.15  # of specks, bright or dark, whichever are fewer

# --- wear as the network sees it

WEAR_MOST_SIDE = 1400  # px, the longer: larger scans are looked at half as large, or a quarter
WEAR_MOST_SIDE_IN_DOUBT = 700  # px: 0.3 s a megapixel, where paper is not proven
WEAR_SUREST = 0.9  # probability of pixels that prove a print's wear
WEAR_SURE, WEAR_WEAK = 0.75, 0.35  # probability of a mark's core, and of what it continues on
WEAR_FEWEST = 0.0003  # share of surest pixels, where paper shows: 60 unworn prints 0-0.005 %
WEAR_FEWEST_IN_DOUBT = 0.003  # where none does: drawn beads and ropes 0.21 %, a cracked boy 0.35
WEAR_MOST = 0.05  # share of pixels
WEAR_REACH = 12  # px that wear continues from its core
WEAR_MOST_WIDTH = 6  # px: broader is a thing, and could not be filled
WEAR_BROAD_MARGIN = 3  # px around what is broader that is left alone too

# --- fading

FADE_COPY_SIDE = 512  # px at least, of the longest side of the copy
FADE_LEAST_SHORT_SIDE = 16  # px, the shorter: less is a stripe, of which no end can be told
FADE_OUTLIERS = 0.002  # share of pixels at each end: what dust the median left
FADE_LIFT = (18, 32)  # grey levels of the darkest: from no fading to all of it
FADE_CHANNEL_LIFT = (4, 9)  # of the darkest in each channel: sunsets and dives have 0-8 in one
FADE_WHITE = (-246, -230)  # grey levels of the brightest, negative: the same
FADE_LEAST_GAIN = 0.03  # of contrast: less nobody sees
FADE_CAST = 0.88  # lowest to highest channel of white: ageing 0.65-0.85, clean greys 0.98
FADE_LEAST_SIDE = 300  # px of the copy, the longer: of smaller ones a dull white tells nothing
FADE_MOST_WHITE_NEUTRAL = 226  # grey levels: above, white is white
FADE_PLATEAU_DEPTH, FADE_PLATEAU_SHARE = 8, 0.05  # levels, share: dull paper white shows itself
FADE_NEUTRAL_RANGE = 120  # levels: so short that it needs no other sign
FADE_TARGETS = (12, 236)  # grey levels: where most photos have their ends
FADE_MOST_LIFT = 60  # grey levels that fading is taken to add to black
FADE_MOST_GAIN = 1.9  # contrast that fading is taken to cost
FADE_VEIL_SHARE = 0.4  # of a print's yellow that is veil; the rest is its tone
FADE_STEEPEST = 1.7  # of a channel to the common gain: beyond it lies a flower, not a veil
FADE_CHANNEL_RATIO = (0.8, 1.35)  # of a channel's gain to the common one
FADE_ONE_HUE = 5.0  # levels of colour scatter at one brightness: prints 0-3, photos 8-48

FRAME_FLAT = 5.0  # grey levels: deviation along a band, and across it
FRAME_LEAST_STEP = 8.0  # grey levels: by which a band ends
FRAME_BEHIND = (2, 8)  # px: a line is no end of a band
FRAME_LEAST_APART = 0.5  # share of what lies there that is of another tone
FRAME_CORNER = 2  # px
FRAME_LEAST_WIDTH = 3  # px of the copy
FRAME_FEWEST_SIDES = 3  # a sky lies along one, a wall along two
FRAME_MOST_LAYERS = 4  # lid, album page, mount, border
ENDS_BLOCK = 24  # px of the copy: how close light and shade must lie
ENDS_LOCAL_RANGE = 0.5  # of the whole range, within a block
ENDS_LEAST_BLOCKS = 0.1  # share of blocks
ENDS_TONE_WIDTH, ENDS_MOST_OF_ONE_TONE = 24, 0.6  # levels, share of pixels: more is a page

# --- enlarging

ENLARGE_HALO = 8  # px of the small picture: twice five convolutions, the second time half as wide

# --- learned models

LEARNED_HALO = 11  # px of the small picture: seven convolutions, then seven of half the reach
LEARNED_MILD_JPEG = 75  # quality from which the mildest clean-up does
FILE_HALO = 20  # px: what the networks of model files are shown around a part, within TILE_HALO
FILE_TILE = 208  # px: between two reports of progress; a large network takes a minute on it
