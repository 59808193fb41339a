package Pages;

# The pages of docs/ and the README as the tests read them.
#
#     use lib 't/lib';
#     use Pages qw(slurp fenced ported);
#
#     for my $block (fenced(slurp('docs/systems.md'))) {
#         my ($language, $text, $line) = @$block;
#         ...
#     }

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use File::Spec;

our @EXPORT_OK = qw(top slurp fenced ported);

# Examples listen on 8080, their application on 8081, another one on 8082, and
# 8443 is for TLS.
my @Ports = (8080, 8081, 8082, 8443);

my $Top = dirname(dirname(dirname(File::Spec->rel2abs(__FILE__))));


# the folder of the checkout
sub top { return $Top }

sub slurp {
    my $file = shift;

    open my $in, '<', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}

# the fenced blocks of a page: [language, text, line]
sub fenced {
    my $text = shift;
    my @found;

    while ($text =~ /^```(\w*)\n(.*?)^```$/gms) {
        push @found, [$1, $2, 1 + (substr($text, 0, $-[0]) =~ tr/\n//)];
    }

    return @found;
}

# Examples with the ports that they have here, in the order of @Ports.
sub ported {
    my ($text, @here) = @_;

    for my $i (0 .. $#here) {
        $text =~ s/(127\.0\.0\.1|localhost):$Ports[$i]\b/$1:$here[$i]/g;
    }

    return $text;
}

1;
