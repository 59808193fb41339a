package NginxProcess;

# nginx as a process that the test starts, signals and kills itself: for what
# Test::Nginx's blocks can't show.
#
#     use lib 't/lib';
#     use NginxProcess;
#     use Test::More;
#
#     my $nginx = NginxProcess->new(name => 'reload');
#
#     $nginx->configure(workers => 4, http => 'server { ... }');
#     $nginx->start;
#     my $answer = NginxProcess::Client->new->request(GET => '/t');
#     is($answer->{status}, 200);
#     $nginx->finish;
#     done_testing();
#
# - Server root and ports are those of ServerRoot.pm.  NginxProcess::port(0) to
#   port(9) are the ports, the first of which is the one that start() waits for.
#
# - One nginx at a time, or two in a binary upgrade.  It is a daemon with a
#   master and worker processes, as it is in production.
#
# - Nothing may be in the error log, from [error] up, that the test does not
#   expect() by a pattern: finish() is the test of that.  An unexpected [alert]
#   or [emerg] is also written to <server root>.alert.log, which util/test
#   looks at when all is done.  Each nginx's log is kept as logs/<name>.log.
#
# - Nothing waits longer than it has to: wait_until() asks again until it is
#   so, or half a minute has passed.

use strict;
use warnings;

use Errno ();
use File::Path qw(make_path remove_tree);
use IO::Socket::INET ();
use POSIX ();
use ServerRoot ();
use Test::More ();
use Time::HiRes qw(sleep time);

our ($Root, $AlertLog);

# How many times less a process does in a second than it should.
our $Slowness = $ENV{WEBHOOK_TEST_MEMCHECK} ? 50 : 1;

my $Patience = $ENV{WEBHOOK_TEST_MEMCHECK} ? 120 : 30;

# As the worker processes that take new connections are called.  A process under
# valgrind can't change its name.
my $Worker = $ENV{WEBHOOK_TEST_MEMCHECK} ? qr/valgrind/
                                         : qr/^nginx: worker process$/;

my (%Started, @Loads);
my $Test = $$;

BEGIN {
    *Root = \$ServerRoot::Root;
    *AlertLog = \$ServerRoot::AlertLog;

    remove_tree($Root);
    unlink $AlertLog;
    make_path("$Root/conf", "$Root/logs");
}

# What is still there when the test breaks off.
END {
    if ($$ == $Test) {
        my $status = $?;
        $_->stop for @Loads;
        kill KILL => map { group($_) } keys %Started;
        $? = $status;
    }
}

$SIG{INT} = $SIG{TERM} = sub { exit 1 };


*port = \&ServerRoot::port;

sub binary { return $ENV{TEST_NGINX_BINARY} || 'nginx' }


# Asks until the answer is true, and returns it; false after half a minute.
sub wait_until {
    my ($sub, $patience) = @_;
    my $end = time + ($patience // $Patience);

    while (1) {
        my $answer = $sub->();
        return $answer if $answer;
        return if time > $end;
        sleep 0.01;
    }
}


# --- processes ------------------------------------------------------------

sub processes {
    my @found;

    open my $ps, '-|', 'ps', '-e', '-o', 'pid=,ppid=,pgid=,stat=,args='
        or die "ps: $!";

    while (my $line = <$ps>) {
        my ($pid, $parent, $group, $state, $name)
            = $line =~ /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)/ or next;
        # with "l", threads of it are still there, and what it has open
        next if $state =~ /^Z/ && $state !~ /l/;
        push @found, {pid => $pid, parent => $parent, group => $group,
                      state => $state, name => $name};
    }

    return @found;
}

sub alive {
    my %pid = map { $_ => 1 } @_;
    return scalar grep { $pid{$_->{pid}} } processes();
}

sub children {
    my $master = shift;
    return grep { $_->{parent} == $master } processes();
}

# A daemon leads a group, in which are its workers, and a new binary as well.
sub group {
    my $leader = shift;
    return map { $_->{pid} } grep { $_->{group} == $leader } processes();
}

# The pids of a master's workers that take new connections.
sub workers_of {
    my $master = shift;
    my @workers = sort { $a <=> $b }
                  map { $_->{pid} }
                  grep { $_->{name} =~ $Worker }
                       children($master);

    # A new master is a child, too, and under valgrind is called as workers are.
    return $Slowness > 1 ? grep { !children($_) } @workers : @workers;
}

# How many descriptors a process has open.
sub descriptors {
    my $pid = shift;
    opendir my $dir, "/proc/$pid/fd" or return;
    return scalar grep { /^\d/ } readdir $dir;
}

# How much memory is a process's own, in kilobytes: neither shared nor a file's.
sub memory {
    my $pid = shift;
    my $status = eval { read_file("/proc/$pid/status") } // return;
    return $status =~ /^RssAnon:\s*(\d+)/m ? $1 : undef;
}

# Does something while only one of the processes can answer.
sub only {
    my ($pid, $others, $sub) = @_;
    my @others = grep { $_ != $pid } @$others;

    kill STOP => @others;

    # One that is not found is there all the same, unless it is gone.
    wait_until(sub {
        my %state = map { $_->{pid} => $_->{state} } processes();

        return !grep { ($state{$_} // '') !~ /^[Tt]/ && kill 0 => $_ } @others;
    });

    my @result = eval { $sub->() };
    my $error = $@;

    kill CONT => @others;
    die $error if $error;

    return wantarray ? @result : $result[0];
}


# --- nginx ----------------------------------------------------------------

# name: of its log and of its file of configuration; command: what runs the
# binary and its arguments, as a list, such as a shell that sets limits before
sub new {
    my ($class, %self) = @_;
    return bless {expected => [], %self}, $class;
}

# http: what is in http {}; main: what is beside it; workers, connections: how
# many
# What a package's nginx has compiled in belongs to its service.  In one line,
# so that no other one gets another number.
sub temp_paths {
    my $http = shift;
    return join ' ', map { "${_}_temp_path ${_}_temp;" }
                     grep { $http !~ /\b${_}_temp_path\b/ }
                     qw(client_body proxy fastcgi uwsgi scgi);
}

sub configure {
    my ($self, %with) = @_;
    my $main = $with{main} // '';

    for my $module (split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '') {
        $main = "load_module $module;\n$main";
    }

    # Workers of root are root's here, so that the server root may be in a
    # folder that is nobody else's.
    if ($> == 0 && $main !~ /^\s*user\s/m) {
        $main .= "user root;\n";
    }

    my $workers = $with{workers} // 2;
    my $connections = $with{connections} // 256;
    my $level = $ENV{TEST_NGINX_LOG_LEVEL} || 'info';

    # A new binary started by a running one would know nothing of these.
    my $env = join '', map { "env $_;\n" }
                       qw(ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS
                          MALLOC_PERTURB_);

    write_file("$Root/conf/nginx.conf", <<END);
$main
$env
worker_processes $workers;
pid logs/nginx.pid;
error_log logs/error.log $level;

events {
    worker_connections $connections;
}

http {
@{[temp_paths($with{http} // '')]}
    access_log off;
    keepalive_requests 1000000;

$with{http}
}
END
}

# What may be in the error log.
sub expect {
    my ($self, @patterns) = @_;
    push @{$self->{expected}}, @patterns;
}

# Runs the binary, and returns its exit status and what it said.
sub run {
    my ($self, @arguments) = @_;

    # Not by way of a shell, and with a file instead of a pipe, which a
    # daemon would keep open.
    my $output = "$Root/logs/output";

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', $output or POSIX::_exit(99);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(99);
        open STDIN, '<', '/dev/null';
        exec(@{$self->{command} || []}, binary(), '-p', "$Root/",
             '-c', 'conf/nginx.conf', '-e', 'logs/error.log', @arguments)
            or POSIX::_exit(99);
    }

    waitpid $pid, 0;
    return ($?, read_file($output));
}

sub start {
    my $self = shift;

    my ($status, $output) = $self->run;

    if ($status != 0) {
        Test::More::BAIL_OUT("nginx did not start: $output");
    }

    wait_until(sub { $self->master && alive($self->master) })
        && wait_until(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                                  PeerPort => port(0)) })
        && wait_until(sub { $self->workers })
        or Test::More::BAIL_OUT("nginx does not answer: $output");

    return $self->attach;
}

# Takes over an nginx that has been started by run().
sub attach {
    my $self = shift;

    $self->{group} = $self->master;
    $Started{$self->{group}} = 1;

    return $self;
}

sub master {
    my ($self, $file) = @_;
    $file = "$Root/logs/" . ($file // 'nginx.pid');

    # In an upgrade, nginx may take it away at any time.
    my $pid = eval { read_file($file) } // '';

    return $pid =~ /^(\d+)$/ ? $1 : undef;
}

sub workers {
    my $self = shift;
    return grep { !$self->{quitting}{$_} } workers_of($self->master);
}

# Reloads, and waits until the workers of before are gone; with keep => 1 only
# until there are new ones.  Returns false if it was to no avail.
sub reload {
    my ($self, %with) = @_;
    my %old = map { $_ => 1 } $self->workers;

    kill HUP => $self->master;

    # Those under valgrind keep the name that they have.
    if ($Slowness > 1) {
        wait_until(sub {
            my $log = $self->log;
            return !grep { $log !~ / $_#\d+: gracefully shutting/ } keys %old;
        }) or return;

        $self->{quitting}{$_} = 1 for keys %old;
    }

    return wait_until(sub {
        my %now = map { $_ => 1 } $self->workers;
        return if !%now || grep { $old{$_} } keys %now;
        return $with{keep} || !alive(keys %old);
    });
}

# Starts the binary again beside what is running; returns its master.
sub upgrade {
    my $self = shift;
    my $old = $self->master;
    my @workers = $self->workers;

    kill USR2 => $old;

    return wait_until(sub {
        my $new = $self->master;
        return $new && $new != $old && workers_of($new) == @workers && $new;
    }) || Test::More::BAIL_OUT('the new binary does not start');
}

# Kills workers, and waits for those that take their places.  Afterwards
# $self->{killed} is a list of two times, between which it was.
sub replace {
    my ($self, @pids) = @_;
    my %old = map { $_ => 1 } $self->workers;

    $self->{killed} = [time];
    kill KILL => @pids;
    push @{$self->{killed}}, time;

    $self->expect(map { qr/worker process $_ exited on signal 9/ } @pids);

    # In a zone as well: the master then unlocks it, and says so.
    $self->expect(map { qr/shared memory zone "\w+" was locked by $_$/ } @pids);

    return wait_until(sub { @pids == grep { !$old{$_} } $self->workers });
}

# TERM, QUIT or KILL: then the workers are killed as well.  Returns false if
# something was still there after a while.
sub stop {
    my ($self, $signal) = @_;
    my $group = delete $self->{group} or return 1;
    my $master = $self->master // $group;

    # On TERM, what is open is left to the kernel: these are no leaks.
    $signal //= $ENV{WEBHOOK_TEST_MEMCHECK} ? 'QUIT' : 'TERM';

    # All at once, or the master would start a worker in a killed one's place.
    kill $signal => $signal eq 'KILL' ? -$group : $master;

    # Without a master, nobody will tell its workers.
    my $gone = wait_until(sub { !group($group) },
                          $signal eq 'KILL' || alive($master) ? $Patience
                                                              : 0);

    if (!$gone) {
        Test::More::diag("nginx does not end on $signal");
        kill KILL => group($group);
    }

    delete $Started{$group};
    unlink "$Root/logs/nginx.pid";

    return $gone;
}

sub log {
    my $self = shift;
    return -e "$Root/logs/error.log" ? read_file("$Root/logs/error.log") : '';
}

# What has been logged, from [error] up, and is not expected.
sub unexpected {
    my $self = shift;
    my @unexpected;

    for my $line (split /\n/, $self->log) {
        next if $line !~ /\[(?:error|crit|alert|emerg)\]
                         |AddressSanitizer|LeakSanitizer|runtime\ error:/x;
        next if grep { $line =~ $_ } @{$self->{expected}};
        push @unexpected, $line;
    }

    return @unexpected;
}

# Ends it, and tests that nothing unexpected has been logged.
sub finish {
    my $self = shift;

    Test::More::ok($self->stop, 'nginx has ended');

    my @unexpected = $self->unexpected;

    if (my @loud = grep { /\[(?:alert|emerg)\]/ } @unexpected) {
        open my $file, '>>', $AlertLog or die "$AlertLog: $!";
        print $file map { "$_\n" } @loud;
        close $file;
    }

    if (-e "$Root/logs/error.log") {
        rename "$Root/logs/error.log", "$Root/logs/$self->{name}.log";
    }

    Test::More::is(scalar @unexpected, 0, 'nothing unexpected was logged')
        or Test::More::diag(join "\n",
                            grep { defined } @unexpected[0 .. 9]);
}


# --- files ----------------------------------------------------------------

sub read_file {
    my $name = shift;

    open my $file, '<:raw', $name or die "$name: $!";
    local $/;
    return scalar(<$file>) // '';
}

sub write_file {
    my ($name, $content) = @_;

    open my $file, '>:raw', $name or die "$name: $!";
    print $file $content;
    close $file or die "$name: $!";
}


# --- load -----------------------------------------------------------------

# Calls $sub->($n, $client, $k), for $k from 0 on, in each of so many processes
# with a client each, until stop(), which returns all the lines that $sub has
# returned: a list of lists.

sub load {
    my ($processes, $sub) = @_;
    my $self = bless {pids => [], files => []}, 'NginxProcess::Load';

    for my $n (0 .. $processes - 1) {
        my $file = "$Root/logs/load." . @Loads . ".$n";
        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            my $end;
            $SIG{TERM} = sub { $end = 1 };
            $SIG{INT} = 'DEFAULT';

            open my $out, '>', $file or POSIX::_exit(1);
            my $client = NginxProcess::Client->new;

            for (my $k = 0; !$end && getppid() == $Test; $k++) {
                my @line = eval { $sub->($n, $client, $k) };
                @line = ('died', $@) if $@;
                print $out join(' ', @line), "\n" if @line;
            }

            close $out;
            POSIX::_exit(0);
        }

        push @{$self->{pids}}, $pid;
        push @{$self->{files}}, $file;
    }

    push @Loads, $self;

    return $self;
}


# Calls $sub->($client, $item) for each of the items, sixteen at a time, and
# returns what its requests are answered with, in the order of the items.

sub all {
    my ($sub, @items) = @_;
    my @clients = map { NginxProcess::Client->new(later => 1) } 1 .. 16;
    my @answers;

    while (my @some = splice @items, 0, @clients) {
        $sub->($clients[$_], $some[$_]) for 0 .. $#some;
        push @answers, $clients[$_]->answer for 0 .. $#some;
    }

    return @answers;
}


package NginxProcess::Load;

sub stop {
    my $self = shift;

    return if !$self->{pids};

    kill TERM => @{$self->{pids}};
    waitpid $_, 0 for @{$self->{pids}};
    delete $self->{pids};

    return map {
        [map { [split ' '] } split /\n/, NginxProcess::read_file($_)]
    } @{$self->{files}};
}


package NginxProcess::Client;

# One connection at a time, kept alive.  request() answers a hash of status,
# headers and body, or nothing if the connection was closed before all of the
# answer was there: then nobody knows what has become of the request.

use Time::HiRes qw(time);

sub new {
    my ($class, %self) = @_;
    return bless {port => NginxProcess::port(0), %self}, $class;
}

sub close {
    my $self = shift;
    delete $self->{socket};
    return $self;
}

sub connect {
    my $self = shift;

    return $self->{socket} if $self->{socket};

    # Nobody may be listening for a moment.
    return $self->{socket} = NginxProcess::wait_until(sub {
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                     PeerPort => $self->{port},
                                     Timeout => 10);
    }, $self->{patience});
}

sub request {
    my ($self, @request) = @_;

    $self->send(@request);
    return $self->{later} ? undef : $self->answer;
}

sub send {
    my ($self, $method, $uri, $body, %headers) = @_;

    my $socket = $self->connect or return;

    $headers{Host} //= 'localhost';
    $headers{'Content-Length'} = length $body if defined $body;

    my $request = "$method $uri HTTP/1.1\r\n"
                  . join('', map { "$_: $headers{$_}\r\n" } sort keys %headers)
                  . "\r\n" . ($body // '');

    $self->{method} = $method;

    local $SIG{PIPE} = 'IGNORE';

    if ((syswrite($socket, $request) // 0) != length $request) {
        $self->close;
    }
}

sub answer {
    my $self = shift;

    return if !$self->{socket};

    local $SIG{ALRM} = sub { die "no answer\n" };

    my $answer = eval {
        alarm $Patience;
        my $read = $self->read_answer;
        alarm 0;
        $read;
    };

    alarm 0;

    if (!$answer || ($answer->{headers}{connection} // '') eq 'close') {
        $self->close;
    }

    return $answer;
}

sub read_answer {
    my $self = shift;
    my $socket = $self->{socket};
    my $data = '';

    my $more = sub {
        while (1) {
            my $n = sysread $socket, $data, 65536, length $data;
            return $n if $n;
            # load() ends by a signal
            die "closed\n" if defined $n || !$!{EINTR};
        }
    };

    $more->() while $data !~ /\r\n\r\n/;

    my ($head, $rest) = split /\r\n\r\n/, $data, 2;
    my ($first, @lines) = split /\r\n/, $head;
    my ($status) = $first =~ m{^HTTP/1\.[01] (\d{3})} or die "no HTTP\n";
    my %headers = map { /^([^:]+):\s*(.*)/ ? (lc $1 => $2) : () } @lines;

    my $length = $self->{method} eq 'HEAD' || $status == 204
                 ? 0 : $headers{'content-length'};

    $data = $rest;

    defined $length or die "an answer without a length\n";

    $more->() while length $data < $length;

    return {status => $status, headers => \%headers, body => $data};
}

1;
