#include "job/keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct bit_job, member)
#define BIG 9007199254740991.0 /* 2^53 - 1: beyond it two whole numbers of a text can read as the same double */

const struct key_section job_sections[] = {
    {"", "Keys at the top"},
    {"model", "The network: ResNet-v2 with pre-activation bottlenecks"},
    {"data", "Images and what is done to them"},
    {"optimizer", "The optimiser: SGD with momentum"},
    {"schedule", "Length of the run, batch, learning rate, weight decay"},
    {"detect", "Task detect: RetinaNet"},
    {"finetune", "Task finetune: the rule that chooses what the job leaves open"},
    {"checkpoint", "Generations of saved state"},
    {"evaluation", "Evaluation on the validation images"},
    {"probe", "Few-shot accuracy of the features while they are trained, by regression (bit probe)"},
    {"checks", "What a run checks about itself"},
    {"watchdog", "How long a rank may stand still before the run is ended (exit code 76)"},
    {"log", "Progress"},
};
const size_t job_section_count = sizeof job_sections / sizeof *job_sections;

const struct key job_keys[] = {
    {.path = "name", .type = KEY_TEXT, .offset = AT(name), .value = "null", .nullable = true,
     .meaning = "Name of the job, at most 100 bytes without spaces or characters special to shells; the run's folder is "
                "runs/NAME by default. null: the job file's name without .json, which then has to be such a name."},
    {.path = "comment", .type = KEY_TEXT, .offset = AT(comment), .value = "\"\"",
     .meaning = "Free text for people; without effect."},
    {.path = "task", .type = KEY_TEXT, .offset = AT(task), .value = "\"pretrain\"", .choices = "pretrain|finetune|detect",
     .meaning = "What to do: pretrain trains a network from scratch (or from model.start), with the defaults named here. finetune adapts trained "
                "weights (model.start) to a task; keys whose value may be null when fine-tuning are then chosen by finetune.rule from the "
                "number of training images, their size and the weights, unless the job gives them. bit plan says what was chosen and why. detect trains RetinaNet on annotated boxes, usually from model.start, with the paper's schedule for "
                "COCO as defaults; the keys of the section detect belong to it."},
    {.path = "loss", .type = KEY_TEXT, .offset = AT(loss), .value = "\"softmax\"", .choices = "softmax|sigmoid",
     .model = true,
     .meaning = "softmax: cross entropy, one label an image. sigmoid: binary cross entropy summed over classes and "
                "averaged over images, for images with several labels (BiT-M, BiT-L)."},
    {.path = "micro_batch", .type = KEY_INTEGER, .offset = AT(micro_batch), .value = "8", .minimum = 1,
     .maximum = 65536, .unit = "images",
     .meaning = "Images that go through the network at once; the unit of summation of gradients, so that results do "
                "not depend on the number of ranks. The batch is a multiple of it. 8 is the paper's batch per chip."},
    {.path = "precision", .type = KEY_TEXT, .offset = AT(precision), .value = "\"float32\"",
     .choices = "float32|bfloat16",
     .meaning = "Type of activations and of convolutions. Master weights, statistics and sums are float32 in either."},
    {.path = "backend", .type = KEY_TEXT, .offset = AT(backend), .value = "\"auto\"",
     .choices = "auto|onednn|openblas|reference",
     .meaning = "Library behind convolutions and matrix products. auto: the best that was built in. reference: plain "
                "loops, for tests only."},
    {.path = "threads", .type = KEY_INTEGER, .offset = AT(threads), .value = "0", .minimum = 0, .maximum = 4096,
     .meaning = "Threads a rank. 0: as many as the cores it is bound to, within its CPU quota. Same bits need the same number of threads."},
    {.path = "seed", .type = KEY_COUNT, .offset = AT(seed), .value = "0", .minimum = 0, .maximum = BIG, .model = true,
     .meaning = "Seed of initial weights, order of images and augmentation."},

    {.path = "model.depth", .type = KEY_INTEGER, .offset = AT(model.depth), .value = "50",
     .choices = "8|14|26|50|101|152", .model = true,
     .ruled = true, .meaning = "Layers. Units a block: 8 is 1-1 (half a network, for small pictures and for trying things out), 14 is 1-1-1-1, "
                "26 is 2-2-2-2, 50 is 3-4-6-3, 101 is 3-4-23-3, 152 is 3-8-36-3."},
    {.path = "model.width", .type = KEY_INTEGER, .offset = AT(model.width), .value = "1", .minimum = 1, .maximum = 32,
     .model = true, .ruled = true, .meaning = "Factor by which every hidden layer is wider: 3 in R50x3."},
    {.path = "model.classes", .type = KEY_INTEGER, .offset = AT(model.classes), .value = "0", .minimum = 0,
     .maximum = 10000000, .model = true,
     .meaning = "Outputs of the head. 0: as many as the training data has classes."},
    {.path = "model.norm", .type = KEY_TEXT, .offset = AT(model.norm), .value = "\"group\"",
     .choices = "group|batch", .model = true,
     .ruled = true, .meaning = "Group norm (32 groups) or batch norm. With batch norm the last bits depend on the number of ranks."},
    {.path = "model.weight_standardization", .type = KEY_FLAG, .offset = AT(model.weight_standardization),
     .value = "true", .model = true,
     .ruled = true, .meaning = "Standardises every convolution kernel but the head's, per output channel."},
    {.path = "model.batch_norm_scope", .type = KEY_TEXT, .offset = AT(model.batch_norm_scope),
     .value = "\"global\"", .choices = "global|rank", .model = true,
     .meaning = "Batch norm only: statistics over the whole global batch, or over the rank's part of it."},
    {.path = "model.initialization", .type = KEY_TEXT, .offset = AT(model.initialization),
     .value = "\"lecun_normal\"", .choices = "lecun_normal|he_fan_out",
     .meaning = "Initial convolution kernels: LeCun normal (variance 1 / fan in) or He (variance 2 / fan out). Gammas "
                "start at 1, betas and the head's kernel at 0."},
    {.path = "model.head_bias", .type = KEY_REAL, .offset = AT(model.head_bias), .value = "null", .nullable = true,
     .null_number = NAN, .minimum = -100, .maximum = 100,
     .meaning = "Initial bias of the head. null: 0 for softmax, -10 for sigmoid, where nearly every class is absent "
                "from an image."},

    {.path = "model.start", .type = KEY_PATH, .offset = AT(model.start), .value = "\"\"",
     .meaning = "Weights to begin with: the folder of a run (its newest generation), a generation, or a .npz or .safetensors file (see bit "
                "ckpt import). Depth, width and norm have to be theirs. Read once: a run that goes on has its own checkpoints. Empty: "
                "initial weights are drawn."},
    {.path = "model.head_from", .type = KEY_TEXT, .offset = AT(model.head_from), .value = "\"auto\"", .choices = "auto|zero|names|order",
     .meaning = "With model.start: what the head begins with. auto: the start's head where its classes have the same names in the same "
                "order, else zero; of a detection also its pyramid and nets where their shapes are the same, as by names. zero: a new head. "
                "names: rows of classes with the same name are taken over, others begin anew. order: row by row, for weights that do not "
                "say their classes; as many classes."},
    {.path = "model.dropout", .type = KEY_REAL, .offset = AT(model.dropout), .value = "0", .minimum = 0, .maximum = 0.95,
     .unit = "share of the features", .meaning = "Training: pooled features that are dropped before the head, at random; the others are "
                                                 "enlarged to match."},

    {.path = "data.train", .type = KEY_PATH, .offset = AT(data.train), .value = NULL,
     .meaning = "Training images: a folder with a folder for each class (TRAIN/CLASS/*.jpg or *.png, nested folders are "
                "searched), or a text file of lines \"path<TAB>class[,class...]\" (or \"path NUMBER\") without a header, the paths below the file's own folder, blanks around "
                "paths and classes are cut. Files named .jpg, .jpeg, .jpe, .jfif or .png in any case are read, as JPEG or PNG by their contents; others, hidden ones and folders such as @eaDir are "
                "left out and counted in the log. Or boxes, for detection: a COCO annotation file, or one of a JSON object a line, "
                "{\"file_name\", \"width\", \"height\", \"boxes\": [{\"class\", \"bbox\": [x, y, width, height], \"iscrowd\"}]}; see data.train_folder. "
                "Relative to the job file's folder; with --set, to the current folder."},
    {.path = "data.val", .type = KEY_PATH, .offset = AT(data.val), .value = "\"\"",
     .meaning = "Validation images, of the same form and with the same classes. Empty: no evaluation."},
    {.path = "data.train_folder", .type = KEY_PATH, .offset = AT(data.train_folder), .value = "\"\"",
     .meaning = "Boxes: the folder that the images of data.train stand below. Empty: the annotation file's own folder."},
    {.path = "data.val_folder", .type = KEY_PATH, .offset = AT(data.val_folder), .value = "\"\"",
     .meaning = "The same for data.val."},
    {.path = "data.images", .type = KEY_COUNT, .offset = AT(data.images), .value = "0", .minimum = 0, .maximum = 1e12,
     .unit = "images",
     .meaning = "Number of training images that bit plan assumes where data.train is not there. 0: not stated. A run "
                "counts the images itself."},
    {.path = "data.val_images", .type = KEY_COUNT, .offset = AT(data.val_images), .value = "0", .minimum = 0,
     .maximum = 1e12, .unit = "images",
     .meaning = "The same for data.val."},
    {.path = "data.size", .type = KEY_INTEGER, .offset = AT(data.size), .value = "224", .minimum = 1, .maximum = 4096,
     .unit = "pixels", .model = true, .ruled = true, .detection = "1024", .meaning = "Side of the square images that the network sees."},
    {.path = "data.resize", .type = KEY_INTEGER, .offset = AT(data.resize), .value = "null", .nullable = true,
     .minimum = 1, .maximum = 8192, .unit = "pixels",
     .ruled = true, .meaning = "Evaluation: the smaller side is resized to this, then the centre of data.size is cut out. null: 8/7 "
                "of data.size, which is 256 at 224."},
    {.path = "data.mirror", .type = KEY_FLAG, .offset = AT(data.mirror), .value = "true",
     .meaning = "Training: every other image, at random, is mirrored left to right. Off for digits and the like."},
    {.path = "data.crop", .type = KEY_TEXT, .offset = AT(data.crop), .value = "\"inception\"", .choices = "inception|random|squash",
     .ruled = true,
     .meaning = "Training: the part of an image that is used. inception: random area and aspect (the keys data.area_ and data.aspect_). "
                "random: the smaller side is resized to data.resize, then a random square of data.size is cut out. squash: the same after "
                "resizing to a square of data.resize, whatever the aspect."},
    {.path = "data.evaluation_crop", .type = KEY_TEXT, .offset = AT(data.evaluation_crop), .value = "\"central\"",
     .choices = "central|squash", .ruled = true,
     .meaning = "Evaluation. central: the smaller side is resized to data.resize, then the centre of data.size is cut out. squash: the whole "
                "image is resized to a square of data.size, whatever its aspect."},
    {.path = "data.mixup", .type = KEY_REAL, .offset = AT(data.mixup), .value = "0", .minimum = 0, .maximum = 100, .ruled = true,
     .meaning = "MixUp: in a step every image is mixed with another one of the batch, by a share drawn from Beta(mixup, mixup), and so are "
                "their labels. 0: not."},
    {.path = "data.per_class", .type = KEY_INTEGER, .offset = AT(data.per_class), .value = "0", .minimum = 0, .maximum = 1000000,
     .unit = "images", .meaning = "Few-shot: trains on so many images of each class, drawn by per_class_seed; those of fewer a class are among "
                                  "those of more. 0: all."},
    {.path = "data.per_class_seed", .type = KEY_COUNT, .offset = AT(data.per_class_seed), .value = "0", .minimum = 0, .maximum = BIG,
     .meaning = "Seed of that draw."},
    {.path = "data.area_min", .type = KEY_REAL, .offset = AT(data.area_min), .value = "0.05", .minimum = 0,
     .above = true, .maximum = 1, .unit = "share of the image",
     .meaning = "Inception crop in training: least area."},
    {.path = "data.area_max", .type = KEY_REAL, .offset = AT(data.area_max), .value = "1", .minimum = 0,
     .above = true, .maximum = 1, .unit = "share of the image",
     .meaning = "Inception crop in training: largest area."},
    {.path = "data.aspect_min", .type = KEY_REAL, .offset = AT(data.aspect_min), .value = "0.75", .minimum = 0.01,
     .maximum = 100, .unit = "width / height",
     .meaning = "Inception crop in training: least aspect."},
    {.path = "data.aspect_max", .type = KEY_REAL, .offset = AT(data.aspect_max), .value = "1.3333333333333333",
     .minimum = 0.01, .maximum = 100, .unit = "width / height",
     .meaning = "Inception crop in training: largest aspect."},
    {.path = "data.crop_attempts", .type = KEY_INTEGER, .offset = AT(data.crop_attempts), .value = "100",
     .minimum = 1, .maximum = 10000,
     .meaning = "Inception crop in training: draws that may miss the image before a centre crop is taken."},
    {.path = "data.loaders", .type = KEY_INTEGER, .offset = AT(data.loaders), .value = "0", .minimum = 0,
     .maximum = 256,
     .meaning = "Threads a rank that decode images. 0: chosen by the number of cores. Without effect on results."},
    {.path = "data.prefetch", .type = KEY_INTEGER, .offset = AT(data.prefetch), .value = "4", .minimum = 2,
     .maximum = 1024, .unit = "micro-batches",
     .meaning = "How far the loaders decode ahead of the training step. Without effect on results."},
    {.path = "data.bad_share", .type = KEY_REAL, .offset = AT(data.bad_share), .value = "0.01", .minimum = 0,
     .maximum = 1, .unit = "share of the images seen",
     .meaning = "Broken images are replaced and listed in quarantine.tsv; the run stops when more than this share is "
                "broken (exit code 65, with the first one's name)."},
    {.path = "data.max_file_mib", .type = KEY_INTEGER, .offset = AT(data.max_file_mib), .value = "32", .minimum = 1,
     .maximum = 1024, .unit = "MiB", .meaning = "Larger image files count as broken."},
    {.path = "data.max_megapixels", .type = KEY_INTEGER, .offset = AT(data.max_megapixels), .value = "64",
     .minimum = 1, .maximum = 4096, .unit = "megapixels", .meaning = "Images with more pixels count as broken."},
    {.path = "data.max_scans", .type = KEY_INTEGER, .offset = AT(data.max_scans), .value = "100", .minimum = 1,
     .maximum = 10000, .meaning = "Progressive JPEGs with more scans count as broken."},
    {.path = "data.background", .type = KEY_TEXT, .offset = AT(data.background), .value = "\"#000000\"",
     .meaning = "Colour that shows through where a PNG picture is transparent, as #RRGGBB. Of PNGs with 16 bits the upper 8 are used; their colour "
                "profiles and gamma are ignored, as by other programs that train."},
    {.path = "data.exif_orientation", .type = KEY_FLAG, .offset = AT(data.exif_orientation), .value = "false",
     .meaning = "Turns pictures upright by the orientation in their EXIF data (JPEG, and PNG's eXIf chunk) before anything else is done to them. "
                "false: pixels are used as they are stored, as by the programs that made the published models."},
    {.path = "data.filter", .type = KEY_TEXT, .offset = AT(data.filter), .value = "\"reduced\"", .choices = "reduced|bilinear|antialias",
     .meaning = "How crops are resized, in training and evaluation. reduced: between the two nearest pixels in each direction, of the picture "
                "reduced 2, 4 or 8 times while it is decoded where the crop is that much larger; fast. bilinear: the same of the picture at full "
                "size, as TensorFlow resizes, in which BiT was trained. antialias: by a triangle as wide as the reduction, as Pillow, and so "
                "PyTorch's transforms of pictures, resize. Large pictures take several times as long to decode with the latter two."},

    {.path = "optimizer.momentum", .type = KEY_REAL, .offset = AT(optimizer.momentum), .value = "0.9", .minimum = 0,
     .maximum = 0.9999, .meaning = "Momentum of SGD (not Nesterov's)."},

    {.path = "optimizer.clip_norm", .type = KEY_REAL, .offset = AT(optimizer.clip_norm), .value = "0", .minimum = 0, .maximum = 1e9,
     .ruled = true, .meaning = "Gradients whose norm over all parameters is larger are scaled down to it. 0: never."},
    {.path = "optimizer.block_rates", .type = KEY_BLOCKS, .offset = AT(optimizer.block_rates), .value = "[1,1,1,1,1,1]", .minimum = 0,
     .maximum = 1000,
     .meaning = "Factors of the learning rate: of the root, of blocks 1 to 4 (the last one's with the norm behind it), of the head. 0: "
                "frozen, as it was at the start; where the first ones are 0 the backward pass ends above them."},

    {.path = "schedule.epochs", .type = KEY_REAL, .offset = AT(schedule.epochs), .value = "90", .nullable = true,
     .minimum = 0, .above = true, .maximum = 1e6, .unit = "epochs",
     .ruled = true, .detection = "30", .meaning = "Length of the run. Exactly one of epochs and steps counts: giving steps in the file makes this "
                "null."},
    {.path = "schedule.steps", .type = KEY_COUNT, .offset = AT(schedule.steps), .value = "null", .nullable = true,
     .minimum = 1, .maximum = 1e12, .unit = "steps", .ruled = true, .meaning = "Length of the run, instead of epochs."},
    {.path = "schedule.batch", .type = KEY_INTEGER, .offset = AT(schedule.batch), .value = "4096", .minimum = 1,
     .maximum = 16777216, .unit = "images", .model = true,
     .ruled = true, .detection = "256", .meaning = "Images in one step, over all ranks. A multiple of ranks x micro_batch."},
    {.path = "schedule.base_rate", .type = KEY_REAL, .offset = AT(schedule.base_rate), .value = "0.03", .minimum = 0,
     .above = true, .maximum = 1000,
     .ruled = true, .detection = "0.08", .meaning = "Learning rate at a batch of base_batch; the rate used is base_rate x batch / base_batch."},
    {.path = "schedule.base_batch", .type = KEY_INTEGER, .offset = AT(schedule.base_batch), .value = "256",
     .minimum = 1, .maximum = 16777216, .unit = "images", .ruled = true, .meaning = "Batch that base_rate refers to."},
    {.path = "schedule.warmup_steps", .type = KEY_COUNT, .offset = AT(schedule.warmup_steps), .value = "5000",
     .minimum = 0, .maximum = 1e12, .unit = "steps",
     .ruled = true, .detection = "462", .meaning = "The rate grows linearly over these steps; 0: no warm-up."},
    {.path = "schedule.decay_epochs", .type = KEY_REALS, .offset = AT(schedule.decay_epochs), .value = "[30,60,80]",
     .nullable = true, .minimum = 0, .above = true, .maximum = 1e6, .unit = "epochs",
     .ruled = true, .detection = "[16,22]", .meaning = "The rate is multiplied by decay_factor at each of these. []: never. Giving decay_steps in the file "
                "makes this null."},
    {.path = "schedule.decay_steps", .type = KEY_COUNTS, .offset = AT(schedule.decay_steps), .value = "null",
     .nullable = true, .minimum = 1, .maximum = 1e12, .unit = "steps", .ruled = true, .meaning = "The same in steps."},
    {.path = "schedule.decay_factor", .type = KEY_REAL, .offset = AT(schedule.decay_factor), .value = "0.1",
     .minimum = 0, .above = true, .maximum = 1, .ruled = true, .meaning = "Factor of each decay."},
    {.path = "schedule.weight_decay", .type = KEY_REAL, .offset = AT(schedule.weight_decay), .value = "0.0001",
     .minimum = 0, .maximum = 1,
     .ruled = true, .meaning = "Weight decay, added to the gradient (coupled)."},
    {.path = "schedule.weight_decay_on", .type = KEY_TEXT, .offset = AT(schedule.weight_decay_on),
     .value = "\"all\"", .choices = "all|kernels",
     .detection = "\"kernels\"", .meaning = "Whether norms and biases decay too, or kernels only."},

    {.path = "schedule.start_decay", .type = KEY_REAL, .offset = AT(schedule.start_decay), .value = "0", .minimum = 0, .maximum = 1000,
     .meaning = "With model.start: decay towards the weights that the run began with (L2-SP), added to the gradient beside weight_decay."},
    {.path = "schedule.shape", .type = KEY_TEXT, .offset = AT(schedule.shape), .value = "\"step\"", .choices = "step|cosine", .ruled = true,
     .meaning = "After the warm-up. step: the rate stays but for the decays. cosine: it falls to 0 along half a cosine (and decays, if "
                "there are any)."},
    {.path = "schedule.warmup_from", .type = KEY_TEXT, .offset = AT(schedule.warmup_from), .value = "\"first\"", .choices = "first|zero",
     .ruled = true,
     .meaning = "The first step of the warm-up has the rate / warmup_steps (first), or a rate of 0 as in the published fine-tuning code "
                "(zero)."},

    {.path = "detect.taps", .type = KEY_TEXT, .offset = AT(detect.taps), .value = "\"activation\"", .choices = "activation|sum",
     .meaning = "What the pyramid takes of blocks 2 to 4: their outputs behind the norm and ReLU that follow (of block 4 the last norm), or the raw "
                "sums. With weight standardisation sums grow from unit to unit; without a norm in the nets they are hardly learned from."},
    {.path = "detect.p6_from", .type = KEY_TEXT, .offset = AT(detect.p6_from), .value = "\"p5\"", .choices = "p5|c5",
     .meaning = "What the pyramid's level of stride 64 is made of: the level below it, or block 4, which takes more parameters."},
    {.path = "detect.norm", .type = KEY_TEXT, .offset = AT(detect.norm), .value = "\"gn\"", .choices = "gn|none",
     .meaning = "gn: group norm of 32 groups behind each level of the pyramid and each layer of the class and box nets, with gammas and betas of "
                "each level. none: no norms, as in the first RetinaNet."},
    {.path = "detect.freeze", .type = KEY_TEXT, .offset = AT(detect.freeze), .value = "\"none\"", .choices = "none|root|block1",
     .meaning = "Parts of the backbone that stay as they begin: none, the root convolution, or the root and block 1. The same as zeros in "
                "optimizer.block_rates."},
    {.path = "detect.channels", .type = KEY_INTEGER, .offset = AT(detect.channels), .value = "256", .minimum = 1, .maximum = 8192,
     .meaning = "Channels of the pyramid and of both nets; with gn a multiple of 32."},
    {.path = "detect.layers", .type = KEY_INTEGER, .offset = AT(detect.layers), .value = "4", .minimum = 1, .maximum = 8,
     .meaning = "3x3 convolutions of each net before the one that predicts."},
    {.path = "detect.anchor_scale", .type = KEY_REAL, .offset = AT(detect.anchor_scale), .value = "4", .minimum = 0.5, .maximum = 64,
     .unit = "strides", .meaning = "Side of the smallest anchor of a level: 4 makes anchors of 32 to 813 pixels."},
    {.path = "detect.octaves", .type = KEY_INTEGER, .offset = AT(detect.octaves), .value = "3", .minimum = 1, .maximum = 8,
     .meaning = "Sizes of anchors of a level, each 2^(1/octaves) times the one before."},
    {.path = "detect.ratios", .type = KEY_NUMBERS, .offset = AT(detect.ratios), .value = "[0.5,1,2]", .minimum = 0, .above = true, .maximum = 100,
     .unit = "height / width", .meaning = "Shapes of anchors of each size, of equal areas. octaves times ratios: at most 32."},
    {.path = "detect.empty_images", .type = KEY_FLAG, .offset = AT(detect.empty_images), .value = "true",
     .meaning = "Training: pictures without a box that is to be found count, too: all of them is background. false: they are left out, as by "
                "Detectron2."},
    {.path = "detect.positive", .type = KEY_REAL, .offset = AT(detect.positive), .value = "0.5", .minimum = 0, .above = true, .maximum = 1,
     .unit = "overlap (intersection over union)", .meaning = "Anchors that overlap a box by so much or more are to find it. Beyond them each box has the "
                                                             "anchor that it overlaps most."},
    {.path = "detect.negative", .type = KEY_REAL, .offset = AT(detect.negative), .value = "0.4", .minimum = 0, .maximum = 1,
     .unit = "overlap", .meaning = "Anchors that overlap every box by less are background; those in between have no loss."},
    {.path = "detect.scale_min", .type = KEY_REAL, .offset = AT(detect.scale_min), .value = "0.8", .minimum = 0.1, .maximum = 2, .unit = "data.size",
     .meaning = "Training: the larger side of an image is resized to data.size times a scale drawn from scale_min to scale_max. What is larger "
                "than the input is cropped at random, what is smaller stands in its upper left corner on grey. Evaluation: 1."},
    {.path = "detect.scale_max", .type = KEY_REAL, .offset = AT(detect.scale_max), .value = "1.2", .minimum = 0.1, .maximum = 4, .unit = "data.size",
     .meaning = "The largest scale. Both 1: no jitter."},
    {.path = "detect.alpha", .type = KEY_REAL, .offset = AT(detect.alpha), .value = "0.25", .minimum = 0, .maximum = 1,
     .meaning = "Focal loss: weight of the right class; that of others is 1 - alpha."},
    {.path = "detect.gamma", .type = KEY_REAL, .offset = AT(detect.gamma), .value = "2", .minimum = 0, .maximum = 10,
     .meaning = "Focal loss: power of the probability that is missing."},
    {.path = "detect.box_beta", .type = KEY_REAL, .offset = AT(detect.box_beta), .value = "0.1", .minimum = 0, .maximum = 100,
     .meaning = "Smooth L1 loss of boxes: quadratic below it. 0: L1."},
    {.path = "detect.box_weight", .type = KEY_REAL, .offset = AT(detect.box_weight), .value = "1.25", .minimum = 0, .maximum = 1000,
     .meaning = "Weight of the box loss beside the focal loss. 1.25 with a box_beta of 0.1 is TensorFlow's Huber loss with weight 50; 1 with 0 is "
                "Detectron2's."},
    {.path = "detect.prior", .type = KEY_REAL, .offset = AT(detect.prior), .value = "0.01", .minimum = 0, .above = true, .maximum = 0.5,
     .meaning = "Score that every class has in the beginning."},
    {.path = "detect.score", .type = KEY_REAL, .offset = AT(detect.score), .value = "0.05", .minimum = 0, .above = true, .maximum = 0.99,
     .meaning = "Evaluation: boxes with a score up to this are dropped. Average precision hangs on it."},
    {.path = "detect.overlap", .type = KEY_REAL, .offset = AT(detect.overlap), .value = "0.5", .minimum = 0, .maximum = 1,
     .meaning = "Evaluation: of two boxes of a class that overlap by more, the one with the lower score is dropped."},
    {.path = "detect.candidates", .type = KEY_INTEGER, .offset = AT(detect.candidates), .value = "1000", .minimum = 1, .maximum = 1000000,
     .meaning = "Evaluation: boxes of a level, the best, that are looked at."},
    {.path = "detect.most", .type = KEY_INTEGER, .offset = AT(detect.most), .value = "100", .minimum = 1, .maximum = 10000,
     .meaning = "Evaluation: boxes of an image, the best, that are kept."},

    {.path = "finetune.rule", .type = KEY_TEXT, .offset = AT(finetune.rule), .value = "\"paper\"",
     .choices = "paper|published-code|light|big_vision",
     .meaning = "The BiT-HyperRule as in the paper, or as in its published code (other decays of small tasks, larger images, a rate of 0 in the "
                "first step); light: that with a batch of 128 and a rate of 0.001; big_vision: its successor's, a cosine from 0.01 with "
                "gradients clipped at 1. What each chooses is said by bit plan."},
    {.path = "finetune.pixels", .type = KEY_COUNT, .offset = AT(finetune.pixels), .value = "0", .minimum = 0, .maximum = 1e12,
     .unit = "pixels", .meaning = "Width x height of the training images, by which the rule chooses data.size. 0: the median of some of "
                                  "them."},

    {.path = "checkpoint.every_steps", .type = KEY_COUNT, .offset = AT(checkpoint.every_steps), .value = "0",
     .minimum = 0, .maximum = 1e12, .unit = "steps", .meaning = "Saves a generation every so many steps. 0: not by "
                                                               "steps."},
    {.path = "checkpoint.every_minutes", .type = KEY_REAL, .offset = AT(checkpoint.every_minutes), .value = "15",
     .minimum = 0, .maximum = 1e6, .unit = "minutes", .meaning = "Saves a generation every so many minutes. 0: not by "
                                                                "time."},
    {.path = "checkpoint.keep", .type = KEY_INTEGER, .offset = AT(checkpoint.keep), .value = "3", .minimum = 1,
     .maximum = 100000, .meaning = "Newest generations kept."},
    {.path = "checkpoint.at_end", .type = KEY_FLAG, .offset = AT(checkpoint.at_end), .value = "true",
     .meaning = "Saves a generation after the last step."},
    {.path = "checkpoint.background", .type = KEY_FLAG, .offset = AT(checkpoint.background), .value = "true",
     .meaning = "Writes the generations that every_steps and every_minutes ask for beside the following steps, from a copy in memory "
                "(bit plan names its size); where there is no room for it, and when false, training stands still meanwhile. What a "
                "signal or the end of the run asks for is always waited for."},

    {.path = "evaluation.every_epochs", .type = KEY_REAL, .offset = AT(evaluation.every_epochs), .value = "1",
     .minimum = 0, .maximum = 1e6, .unit = "epochs", .ruled = true, .meaning = "Evaluates every so many epochs. 0: not by epochs."},
    {.path = "evaluation.every_steps", .type = KEY_COUNT, .offset = AT(evaluation.every_steps), .value = "0",
     .minimum = 0, .maximum = 1e12, .unit = "steps", .meaning = "Evaluates every so many steps. 0: not by steps."},
    {.path = "evaluation.at_end", .type = KEY_FLAG, .offset = AT(evaluation.at_end), .value = "true",
     .meaning = "Evaluates after the last step."},
    {.path = "evaluation.metrics", .type = KEY_TEXT, .offset = AT(evaluation.metrics), .value = "\"auto\"", .several = true,
     .choices = "auto|all|top1|top5|recall|f1|nll|brier|ece|temperature|map|cp|cr|cf1|op|or|of1",
     .meaning = "What evaluations are judged by, as names with commas between; the best evaluation is the one with the best first metric. auto: all "
                "of the job's loss but temperature and map, which keep every logit of every validation image on rank 0; all: those, too. Of softmax: top1, "
                "top5, recall (mean over classes), f1 (macro), nll, brier, ece (expected calibration error, 15 bins), temperature (fitted to half of "
                "the images and judged by the others). Of sigmoid: top1 and top5 (precision at 1 and 5), map (mean average precision), "
                "cp, cr, cf1 (precision, recall, F1 by class), op, or, of1 (over all images)."},
    {.path = "evaluation.among_labelled", .type = KEY_FLAG, .offset = AT(evaluation.among_labelled), .value = "false",
     .meaning = "Softmax: also reports top-1 and top-5 among those classes only that are labels of validation images; classes that stand together in a "
                "line of the list count as one, by the largest logit. So ObjectNet is judged by its second protocol beside the first (bit labels)."},
    {.path = "evaluation.predictions", .type = KEY_COUNT, .offset = AT(evaluation.predictions), .value = "200000", .minimum = 0, .maximum = 1e9,
     .unit = "images", .meaning = "Classification: the evaluation after the last step also writes what it says of each image, predictions.jsonl in the run's "
                                  "folder, of at most so many validation images; with more of them it is left out. bit report, bit compare and the page of "
                                  "bitd (gallery of mistakes) read it. 0: never."},
    {.path = "evaluation.border", .type = KEY_INTEGER, .offset = AT(evaluation.border), .value = "0", .minimum = 0, .maximum = 1000, .unit = "pixels",
     .meaning = "Cut off every side of validation images before anything else: 2 for ObjectNet's red frame."},

    {.path = "probe.train", .type = KEY_PATH, .offset = AT(probe.train), .value = "\"\"",
     .meaning = "Images of which few of each class are drawn, in the form of data.train, with classes of their own. Empty: no probe."},
    {.path = "probe.test", .type = KEY_PATH, .offset = AT(probe.test), .value = "\"\"",
     .meaning = "Images of the same classes whose classes are then told by a regression from the features of the drawn ones. Results go to the "
                "log and to metrics.jsonl, as lines of the kind probe."},
    {.path = "probe.every_epochs", .type = KEY_REAL, .offset = AT(probe.every_epochs), .value = "0", .minimum = 0, .maximum = 1e6,
     .unit = "epochs", .meaning = "Probes every so many epochs. 0: not by epochs."},
    {.path = "probe.every_steps", .type = KEY_COUNT, .offset = AT(probe.every_steps), .value = "0", .minimum = 0, .maximum = 1e12,
     .unit = "steps", .meaning = "Probes every so many steps; 25000 in big_vision. 0: not by steps."},
    {.path = "probe.at_end", .type = KEY_FLAG, .offset = AT(probe.at_end), .value = "true", .meaning = "Probes after the last step."},
    {.path = "probe.shots", .type = KEY_TEXT, .offset = AT(probe.shots), .value = "\"1,5,10,25\"",
     .meaning = "Images of each class that a regression gets: up to 16 ascending numbers with commas between. The features of the images that are "
                "drawn for the largest of them, and of all test images, lie in the memory of rank 0 meanwhile."},
    {.path = "probe.seeds", .type = KEY_INTEGER, .offset = AT(probe.seeds), .value = "3", .minimum = 1, .maximum = 32,
     .meaning = "Draws: the seeds are 0, 1, ... Results are their median, least and greatest accuracy."},
    {.path = "probe.l2", .type = KEY_REAL, .offset = AT(probe.l2), .value = "1024", .minimum = 0, .above = true, .maximum = 1e12,
     .meaning = "What squares of the regression's weights cost."},

    {.path = "checks.replicas_every_steps", .type = KEY_COUNT, .offset = AT(checks.replicas_every_steps),
     .value = "100", .minimum = 0, .maximum = 1e12, .unit = "steps",
     .meaning = "Compares the hash of the weights over all ranks every so many steps, and before each generation in "
                "any case. 0: only then."},
    {.path = "checks.nonfinite", .type = KEY_TEXT, .offset = AT(checks.nonfinite), .value = "\"stop\"",
     .choices = "stop|skip|rollback|log",
     .meaning = "When the loss or a gradient is not finite, no rank applies the step. Then: stop the run, skip the step, load the newest "
                "checkpoint and go on from there, or log it and go on, which is skip without a limit. rollback helps against a passing "
                "fault of a machine only: when the step fails again with the same bits, or there is no checkpoint yet, the run stops."},
    {.path = "checks.nonfinite_limit", .type = KEY_INTEGER, .offset = AT(checks.nonfinite_limit), .value = "10",
     .minimum = 1, .maximum = 1000000, .unit = "steps",
     .meaning = "Stops the run when so many steps in a row have been skipped, by checks.nonfinite or checks.loss_spike_policy."},
    {.path = "checks.loss_spike", .type = KEY_REAL, .offset = AT(checks.loss_spike), .value = "10", .minimum = 0,
     .maximum = 1e9, .unit = "times the median",
     .meaning = "The loss has jumped when it is more than this many times the median of the last 64 losses; judged once there are 8. "
                "More than 1, or 0: never."},
    {.path = "checks.loss_spike_policy", .type = KEY_TEXT, .offset = AT(checks.loss_spike_policy), .value = "\"log\"",
     .choices = "log|skip|rollback|stop",
     .meaning = "When the loss has jumped: log it and go on with the step applied; or no rank applies the step, which is skipped, or the "
                "newest checkpoint is loaded, or the run stops, as with checks.nonfinite."},
    {.path = "checks.memory", .type = KEY_TEXT, .offset = AT(checks.memory), .value = "\"rollback\"",
     .choices = "rollback|stop|off",
     .meaning = "Weights and momentum are summed as they are written and again when they are next read, and before each generation. When "
                "the sums differ, memory of that rank's machine has changed in between (a flipped bit): load the newest checkpoint and go "
                "on from there, or stop. off: not summed."},
    {.path = "checks.rollback_limit", .type = KEY_INTEGER, .offset = AT(checks.rollback_limit), .value = "3",
     .minimum = 1, .maximum = 1000000,
     .meaning = "Stops the run when it has rolled back so many times in a row without getting past the step that failed, whichever check asked for it."},

    {.path = "watchdog.start_seconds", .type = KEY_REAL, .offset = AT(watchdog.start_seconds), .value = "1800", .minimum = 0,
     .maximum = 1e7, .unit = "seconds",
     .meaning = "Ends the run when starting, indexing images or loading a checkpoint makes no progress for so long. 0: never."},
    {.path = "watchdog.data_seconds", .type = KEY_REAL, .offset = AT(watchdog.data_seconds), .value = "600", .minimum = 0,
     .maximum = 1e7, .unit = "seconds", .meaning = "Ends the run when a rank waits so long for the images of a micro-batch. 0: never."},
    {.path = "watchdog.step_seconds", .type = KEY_REAL, .offset = AT(watchdog.step_seconds), .value = "null",
     .nullable = true, .null_number = NAN, .minimum = 0, .maximum = 1e7, .unit = "seconds",
     .meaning = "Ends the run when one of these takes so long: the forward or backward pass of a micro-batch, reduction, update, agreement, "
                "a micro-batch of an evaluation. null: 20 times the longest of the recent steps, at least 60, and 600 before the first. 0: never."},
    {.path = "watchdog.checkpoint_seconds", .type = KEY_REAL, .offset = AT(watchdog.checkpoint_seconds), .value = "1800",
     .minimum = 0, .maximum = 1e7, .unit = "seconds",
     .meaning = "Ends the run when saving a checkpoint or ending makes no progress for so long. 0: never."},

    {.path = "log.every_steps", .type = KEY_COUNT, .offset = AT(log.every_steps), .value = "1", .minimum = 1,
     .maximum = 1e12, .unit = "steps", .meaning = "Writes a line of metrics.jsonl every so many steps."},
};
const size_t job_key_count = sizeof job_keys / sizeof *job_keys;
_Static_assert(sizeof job_keys / sizeof *job_keys <= KEYS_MOST, "raise KEYS_MOST");
