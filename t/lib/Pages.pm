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

our @EXPORT_OK = qw(top slurp spew fenced ported relocated shell pattern output);

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

sub spew {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "$file: $!";
    print $out $text;
    close $out or die "$file: $!";
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

# Examples with the folders of an installed nginx replaced by those of a test's
# server root.
sub relocated {
    my ($text, $root) = @_;
    my %folders = (
        '/var/lib/webhook/' => "$root/state/",
        '/var/log/nginx/'   => "$root/logs/",
        '/run/nginx.pid'    => "$root/logs/nginx.pid",
        '/backup/'          => "$root/backup/",
    );

    $text =~ s/(?<![\w.])\Q$_\E/$folders{$_}/g for keys %folders;

    return $text;
}

# Runs a command of a page, and returns its output and its exit status.  The
# variables that it sets are there for those that follow it in the same folder.
sub shell {
    my ($folder, $command) = @_;
    my $environment = "$folder/environment";

    spew("$folder/command",
         "set -a\n[ ! -e $environment ] || . $environment\n"
         . "cd $folder\n$command\n"
         . "status=\$?\nunset TMPDIR\n"
         . "export -p >$environment\nexit \$status\n");

    my $output = `sh $folder/command 2>&1`;

    return ($output, $? >> 8);
}

# What a page shows as output, as a pattern: "…" stands for anything on a line.
sub pattern {
    my $text = shift;
    chomp $text;

    my $pattern = join '[^\n]+', map { quotemeta } split /\xe2\x80\xa6/, $text,
                                                         -1;
    return qr/\A$pattern\n?\z/;
}

# The pattern of what a block of commands has as its output: the block below it,
# or nothing.
sub output {
    my $below = shift // ['nginx'];

    return $below->[0] =~ /^(?:json)?$/ ? pattern($below->[1]) : qr/\A\z/;
}

1;
