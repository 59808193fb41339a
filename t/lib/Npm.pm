package Npm;

# The packages that senders and receivers of webhooks use themselves, from npm,
# installed once into build/npm.
#
#     use Npm;
#
#     if (my $why = Npm::missing()) {
#         plan(skip_all => $why);
#     }
#
#     my $signer = Npm->start('sign');
#     my $answer = $signer->ask({name => 'svix', ...});
#     $signer->end;
#
# A script is t/lib/<name>.mjs: it answers a line of JSON with a line of JSON.

use strict;
use warnings;

use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Spec;
use IPC::Open2 qw(open2);
use JSON::PP ();
use NginxProcess;

our %Version = (
    'standardwebhooks' => '1.1.1',
    'svix' => '2.5.0',
    '@octokit/webhooks-methods' => '6.0.0',
    'stripe' => '23.1.0',
);

my $Lib = dirname(File::Spec->rel2abs(__FILE__));
my $Dir = "$Lib/../../build/npm";


# Installs what is not there.  Returns why that does not work here, or an empty
# string.
sub missing {
    for my $name (qw(node npm)) {
        return "there is no $name here"
            if !grep { -x "$_/$name" } File::Spec->path;
    }

    make_path($Dir);
    my $lock = lock_dir();

    my @missing = grep { !installed($_) } sort keys %Version or return '';

    # npm takes away what is in no list, so all are installed together
    NginxProcess::write_file("$Dir/package.json", "{\"private\": true}\n");

    my @command = ('npm', 'install', '--no-audit', '--no-fund',
                   '--ignore-scripts', '--fetch-retries=0',
                   '--fetch-timeout=30000', '--prefix', $Dir,
                   map { "$_\@$Version{$_}" } sort keys %Version);

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        setpgrp;
        open STDIN, '<', File::Spec->devnull;
        open STDOUT, '>', "$Dir/install.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    if (!NginxProcess::wait_until(sub { waitpid $pid, POSIX::WNOHANG() }, 120))
    {
        kill KILL => -$pid;
        waitpid $pid, 0;
    }

    @missing = grep { !installed($_) } sort keys %Version or return '';

    return "npm does not install here: @missing";
}

# two runs at once install once
sub lock_dir {
    open my $lock, '>', "$Dir/.lock" or die "$Dir/.lock: $!";
    flock $lock, LOCK_EX or die "flock: $!";

    return $lock;
}

sub installed {
    my $name = shift;

    my $about = eval { NginxProcess::read_file(
                       "$Dir/node_modules/$name/package.json") } // return;
    return $about =~ /^\s*"version"\s*:\s*"\Q$Version{$name}\E"/m;
}


# Starts a script.  node looks for packages where the script is.
sub start {
    my ($class, $name) = @_;
    my $lock = lock_dir();

    NginxProcess::write_file("$Dir/$name.$$",
                             NginxProcess::read_file("$Lib/$name.mjs"));
    rename "$Dir/$name.$$", "$Dir/$name.mjs" or die "rename: $!";

    my $self = bless {}, $class;
    $self->{pid} = open2($self->{out}, $self->{in}, 'node', "$Dir/$name.mjs");

    return $self;
}

sub ask {
    my ($self, $question) = @_;

    print { $self->{in} } JSON::PP::encode_json($question), "\n";
    $self->{in}->flush;

    local $SIG{ALRM} = sub { die "node does not answer\n" };
    alarm 60;
    my $line = readline($self->{out}) // die "node has ended\n";
    alarm 0;

    return JSON::PP::decode_json($line);
}

sub end {
    my $self = shift;

    close $self->{in};
    close $self->{out};
    waitpid $self->{pid}, 0;
}

1;
