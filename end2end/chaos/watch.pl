# Runs on the server: a line for each thing that becomes so, as it becomes so.
#   there|begun|ended OPERATION-STEP-RUN    the files of a step, its beginning, its end
#   pending|decided                         a change of the firewall waits to be confirmed, and no more
use strict;
use warnings;
$| = 1;
my ($steps, $pending) = ('/var/lib/brokeforge/steps', '/var/lib/brokeforge/firewall-rollback/pending');
my (%seen, $was_pending);
while (1) {
    for my $folder (glob "$steps/*/*-*-*") {
        my ($name) = $folder =~ m{([^/]+)$};
        for (['there', $folder], ['begun', "$folder/begun"], ['ended', "$folder/result"]) {
            my ($word, $file) = @$_;
            print "$word $name\n" if !$seen{"$word $name"} && -e $file && ($seen{"$word $name"} = 1);
        }
    }
    my $is_pending = -d $pending;
    print $is_pending ? "pending\n" : "decided\n" if !!$is_pending != !!$was_pending;
    $was_pending = $is_pending;
    select undef, undef, undef, 0.003;
}
