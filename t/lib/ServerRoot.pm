package ServerRoot;

# The folder and the ports that belong to the test file which is running, so
# that prove can run several files at once.
#
#     use ServerRoot ();
#
#     my $port = ServerRoot::port(1);
#     open my $log, '>', "$ServerRoot::Root/logs/my.log";
#
# - $Root is nginx's server root, an absolute path without links.  It is in
#   $WEBHOOK_TEST_ROOT, or in build/t/by-hand, and need not exist yet.
#
# - port(0) to port(9) are the file's ports, counted from $TEST_NGINX_PORT.  They
#   lie below the ephemeral ports, where a connection of somebody else could be
#   using one.
#
# - $AlertLog is the file for alerts that no test has expected.  It outlives the
#   server root, and util/test looks at it when all is done.

use strict;
use warnings;

use Cwd ();
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Spec;

our ($Root, $AlertLog);

my $First;

{
    my $dir = dirname(File::Spec->rel2abs($0));
    my $name = basename($0, '.t');
    my @files = sort map { basename($_, '.t') } glob "$dir/*.t";
    my ($index) = grep { $files[$_] eq $name } 0 .. $#files;

    my $parent = $ENV{WEBHOOK_TEST_ROOT}
                 || File::Spec->rel2abs("$dir/../build/t/by-hand");

    make_path($parent);
    $parent = Cwd::realpath($parent);

    $First = ($ENV{TEST_NGINX_PORT} || 19840) + 10 * ($index // @files);
    $Root = "$parent/$name";
    $AlertLog = "$parent/$name.alert.log";
}


sub port { return $First + shift }

1;
